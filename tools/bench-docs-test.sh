#!/usr/bin/env bash
# Proves that bench-docs.py finds what it is there for: plants each fault in a copy of the documents and
# of the accepted figures. The last line is "bench: N passed, N failed".
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d "${TMPDIR:-/tmp}/appinfra-bench-docs.XXXXXX")
trap 'rm -rf "$copy"' EXIT
passed=0
failed=0

# $1: what is planted; $2: what the complaint has to say; $3: a file; $4: what sed does to it.
expect() {
    local complaint
    rm -rf "${copy:?}/docs"
    mkdir "$copy/docs"
    cp "$root/README.md" "$copy/"
    cp "$root/docs/performance.md" "$root/docs/performance.json" "$copy/docs/"
    sed -i -E "$4" "$copy/$3"
    complaint=$("$root/tools/bench-docs.py" check "$copy" 2>&1) || true
    if grep -qF -- "bench-docs: $2" <<<"$complaint"; then
        passed=$((passed + 1))
    else
        echo "bench-docs-test: $1: the complaint does not say \"$2\" but: $complaint"
        failed=$((failed + 1))
    fi
}

expect "nothing" "$(grep -c '"key"' "$root/docs/performance.json") rows" README.md ''
expect "another figure in the README" "README.md: is not what docs/performance.json has" \
    README.md '/<!-- bench: headlines/,$s/^(\| `provision_tenant`[^|]*\|[^|]*\| )[0-9.]+/\1999/'
expect "another figure in docs" "docs/performance.md: is not what" docs/performance.md 's/^(\| shells built \| )[0-9.]+/\1999/'
expect "another accepted figure" "docs/performance.md: is not what" docs/performance.json 's/"median": [0-9.]+/"median": 999/'
expect "a benchmark that is not shown" "docs/performance.md: does not show pool" docs/performance.md 's/<!-- bench: pool -->//'
expect "a missed target without a reason" "docs/performance.md: does not say why \`pool/shells\`" \
    docs/performance.json '/"key": "shells"/,/"met"/s/"met": true/"met": false/'
echo "bench: $passed passed, $failed failed"
[ "$failed" = 0 ]
