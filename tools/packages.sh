#!/usr/bin/env bash
# Makes sure that commands are there which the checks and tests call beside Go, and installs the missing ones where that
# can be done: as root, or with sudo that asks nothing, on Debian and its like. Elsewhere it says what to install.
#   tools/packages.sh COMMAND...
set -euo pipefail

packages_of() { # the Debian packages that bring a command
  case $1 in
    gcc) echo gcc libc6-dev ;; # the race detector links with it
    chromium) echo chromium fonts-liberation ;;
    node) echo nodejs ;;
    postgres) echo postgresql ;;
    *) echo "$1" ;;
  esac
}

present() { # whether a command is there, also where the path of a user other than root does not lead
  case $1 in
    postgres) compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null ;; # a folder for each version
    *) command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] ;;
  esac
}

missing=()
for command in "$@"; do
  present "$command" || missing+=("$command")
done
[ ${#missing[@]} -gt 0 ] || exit 0

packages=()
for command in "${missing[@]}"; do
  # shellcheck disable=SC2207 # one word a package
  packages+=($(packages_of "$command"))
done

as_root=()
if [ "$(id -u)" != 0 ]; then as_root=(sudo -n); fi
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
  echo "Install ${missing[*]} first (on Debian: apt-get install ${packages[*]})." >&2
  exit 1
fi
echo "Installing ${packages[*]}" >&2
"${as_root[@]}" apt-get update -q -o Acquire::Retries=3 >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 "${packages[@]}" >&2
