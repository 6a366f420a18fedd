#!/usr/bin/env bash
# The test fuzz.build: builds the fuzz targets, which have a build folder of their own (another compiler, and sanitizers),
# with half of the cores, while tests run that mostly wait. Without clang it is skipped, and with it the targets' tests.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
if ! command -v clang++ >/dev/null; then
  echo "clang++ is missing: ./dev setup fuzz"
  exit 77
fi
[[ -f build-fuzz/build.ninja ]] || cmake --preset fuzz
exec ninja -C build-fuzz -j "$((($(nproc) + 1) / 2))"
