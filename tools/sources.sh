#!/usr/bin/env bash
# Prints the C++ sources of both trees, one per line, for `make format` and `make lint`.
set -euo pipefail
cd "$(dirname "$0")/.."
find extension sidecar test \( -name '*.cpp' -o -name '*.hpp' \) -print | sort
