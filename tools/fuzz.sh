#!/usr/bin/env bash
# Runs every fuzz target of the module, one after the other. Usage: tools/fuzz.sh TIME, e.g. 10s.
set -euo pipefail
cd "$(dirname "$0")/.."

# `go test -list` prints the targets of a package, then "ok" with its name.
targets=$(go test -list '^Fuzz' ./... | awk '/^Fuzz/ {names[++n] = $1} /^ok/ {for (i = 1; i <= n; i++) print $2, names[i]; n = 0}')
if [ -z "$targets" ]; then
  echo "fuzz: no fuzz targets found" >&2
  exit 1
fi
while read -r package target; do
  echo "== $package $target"
  go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" "$package" </dev/null
done <<<"$targets"
