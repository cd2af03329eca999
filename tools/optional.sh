#!/usr/bin/env bash
# Runs a suite of its own if the tree has one; says so plainly if it does not.
#   tools/optional.sh PATH NAME
set -euo pipefail
if [ -x "$1" ]; then
    exec "$1"
fi
echo "appinfra: there is no $2 yet ($1)"
