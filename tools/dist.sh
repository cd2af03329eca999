#!/usr/bin/env bash
# `make dist`: the archive for PGXN, build/appinfra-VERSION.zip, of what is committed.
#
# The three places that PGXN reads a version from have to agree: META.json, its "provides", and
# control/appinfra.control.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -nE "s/^default_version = '([^']+)'.*/\1/p" control/appinfra.control)
python3 - "$version" <<'EOF'
import json, sys
meta = json.load(open("META.json"))
versions = {meta["version"], meta["provides"]["appinfra"]["version"]}
if versions != {sys.argv[1]}:
    sys.exit(f"dist: META.json has version {', '.join(sorted(versions))}, control/appinfra.control {sys.argv[1]}")
EOF
mkdir -p build
git archive --format=zip --prefix="appinfra-$version/" -o "build/appinfra-$version.zip" HEAD
echo "build/appinfra-$version.zip"
