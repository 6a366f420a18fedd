# shellcheck shell=bash
# Installing the packages of packages.txt; sourced by ./dev.

# The names in the groups given, each once.
packages_of() {
  local group
  for group in "$@"; do
    if ! grep -qE "^[a-z,]*\b$group\b" packages.txt; then
      echo "packages.txt has no group \"$group\"" >&2
      return 2
    fi
    awk -v group="$group" '$1 !~ /^#/ && ("," $1 ",") ~ ("," group ",") {print $2}' packages.txt
  done | sort -u
}

missing_of() {
  local installed
  # Also what an installed package provides: NodeSource's nodejs has npm in it.
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' | sed -n 's/^installed //p' | sed 's/([^)]*)//g' | tr -s ', ' '\n')
  comm -23 <(printf '%s\n' "$@" | sort) <(sort <<<"$installed")
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "This needs root: run it as root, or install sudo. The command was: $*" >&2
    return 1
  fi
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" </dev/null
}

# install_packages GROUP...: a quick look when nothing is missing.
install_packages() {
  local names missing
  names=$(packages_of "$@")
  # shellcheck disable=SC2086  # one word a package
  mapfile -t missing < <(missing_of $names)
  ((${#missing[@]})) || return 0
  if ! command -v apt-get >/dev/null; then
    echo "Missing: ${missing[*]}. This is no Debian; install what corresponds to them." >&2
    return 1
  fi
  echo "Installing from Debian's packages: ${missing[*]}"
  # A fresh machine has no package lists, an old one lists versions that are gone: then update, once.
  if ! apt-cache show "${missing[@]}" >/dev/null 2>&1 || ! apt_install "${missing[@]}"; then
    as_root apt-get update -q
    apt_install "${missing[@]}"
  fi
}
