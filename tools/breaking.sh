#!/usr/bin/env bash
# Fails when the contracts of the working tree break clients of an earlier commit.
# Usage: tools/breaking.sh [BASE], from anywhere, after `make third-party`.
# BASE is by default the previous state of main: where this branch left origin/main, or on main the commit before.
set -euo pipefail
cd "$(dirname "$0")/.."

base=${1:-}
if [ -z "$base" ]; then
  base=$(git merge-base HEAD origin/main 2>/dev/null || true)
  if [ -z "$base" ] || [ "$base" = "$(git rev-parse HEAD)" ]; then
    base=HEAD~1
    if [ "$(git rev-parse --is-shallow-repository)" = true ]; then
      git fetch --quiet --deepen=1
    fi
    if ! git rev-parse --quiet --verify "$base^{commit}" >/dev/null; then
      echo "breaking: this is the first commit, so there is nothing to break"
      exit 0
    fi
  fi
fi
if ! commit=$(git rev-parse --quiet --verify "$base^{commit}"); then
  echo "breaking: there is no commit $base to compare with; fetch it, or name another with BASE" >&2
  exit 1
fi

if ! git cat-file -e "$commit:proto" 2>/dev/null; then
  echo "breaking: ${commit:0:12} has no proto folder, so there is nothing to break"
  exit 0
fi

echo "breaking: comparing with ${commit:0:12}"
previous=$(mktemp -d)
trap 'rm -rf "$previous"' EXIT
git archive "$commit" proto buf.yaml | tar -x -C "$previous"
cp -r third_party "$previous/"
go tool buf breaking --against "$previous" --exclude-imports
