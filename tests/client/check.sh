#!/bin/sh
# check.sh NODE_MODULES OUT: makes TypeScript types of the API's description and type-checks client.ts against them.
set -eu
here=$(dirname "$(readlink -f "$0")")
modules=$(readlink -f "$1")
mkdir -p "$2"
cd "$2"
ln -sfn "$modules" node_modules
cp "$here/client.ts" client.ts
node node_modules/openapi-typescript/bin/cli.js "$here/../../src/api/openapi.json" --default-non-nullable=false --output api.d.ts
node node_modules/typescript/bin/tsc --noEmit --strict --target es2022 --lib es2022,dom --module esnext \
  --moduleResolution bundler client.ts
