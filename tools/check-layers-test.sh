#!/usr/bin/env bash
# Proves that check-layers.sh finds what it is there for: plants each fault in a copy of extension/.
# The last line is "layers: N passed, N failed".
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d "${TMPDIR:-/tmp}/appinfra-layers.XXXXXX")
trap 'rm -rf "$copy"' EXIT
passed=0
failed=0

# A fresh copy, with the sources' rooms and nothing else.
fresh() {
    rm -rf "$copy/extension"
    mkdir "$copy/extension"
    (cd "$root/extension" && find . -name '*.?pp' -o -name README.md) |
        (cd "$root/extension" && xargs cp --parents -t "$copy/extension")
}

# $1: what is planted; $2: what the complaint has to say.
expect() {
    local complaint
    if complaint=$("$root/tools/check-layers.sh" "$copy/extension" 2>&1); then
        echo "check-layers-test: $1 is not found"
        failed=$((failed + 1))
    elif grep -qF -- "$2" <<<"$complaint"; then
        passed=$((passed + 1))
    else
        echo "check-layers-test: $1: the complaint does not say \"$2\" but: $complaint"
        failed=$((failed + 1))
    fi
    fresh
}

fresh
"$root/tools/check-layers.sh" "$copy/extension"
echo '#include "exposure/exposure.hpp"' >>"$copy/extension/registry/registry.cpp"
expect "an include that goes up" 'registry/registry.cpp: "exposure/exposure.hpp" goes up'

mkdir -p "$copy/extension/gateway"
echo '#include "bucket/provision.hpp"' >"$copy/extension/gateway/aside.cpp"
expect "an include that goes sideways" 'gateway/aside.cpp: "bucket/provision.hpp" goes sideways'

echo '#include "attic/box.hpp"' >>"$copy/extension/registry/registry.cpp"
expect "an include of an unknown room" '"attic/box.hpp" is of a room that has no floor'

mkdir "$copy/extension/attic"
echo '#include "base/pg.hpp"' >"$copy/extension/attic/box.cpp"
expect "a room without a floor" 'attic: the folder has no floor'

echo '#include "registry.hpp"' >>"$copy/extension/registry/registry.cpp"
expect "an include that names no room" '"registry.hpp" names no room'

echo '#include "base/one.hpp"' >"$copy/extension/base/other.hpp"
echo '#include "base/other.hpp"' >"$copy/extension/base/one.hpp"
expect "a cycle" 'does not list the cycle of base/one base/other'

sed -i 's/^```cycles$/&\nbase: json pg: they meet/' "$copy/extension/README.md"
expect "a listed cycle that is not there" 'lists a cycle that is not there: base/json base/pg'

echo "layers: $passed passed, $failed failed"
[ "$failed" = 0 ]
