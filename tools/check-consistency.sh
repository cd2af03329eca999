#!/usr/bin/env bash
# Proves that the version, which the control file alone decides, is what META.json, the changelog
# and the install script's name say too.
# shellcheck disable=SC2016 # the conditions are for expect to evaluate
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -nE "s/^default_version = '([^']+)'.*/\1/p" control/appinfra.control)
failed=0

# The conditions are evaluated here, so that each can be stated beside its complaint.
expect() {
    if ! eval "$2" >/dev/null; then
        echo "check-consistency: $1" >&2
        failed=1
    fi
}

expect "the control file states no version" '[ -n "$version" ]'
expect "META.json is not of version $version" \
    'python3 -c "import json,sys; m = json.load(open(\"META.json\")); sys.exit(not (m[\"version\"] == m[\"provides\"][\"appinfra\"][\"version\"] == \"$version\"))"'
expect "CHANGELOG.md has no entry for $version" 'grep -qF "## [$version]" CHANGELOG.md'
expect "sql/install has no script for $version" '[ -f "sql/install/appinfra--$version.sql" ]'
# The states that the extension knows are those that the tables allow, in the same order.
states=$(tr -s ' \n' ' ' <extension/registry/states.hpp | grep -oE 'to_array<const char \*>\( ?\{[^}]*' | sed -E "s/.*\\{//; s/\"/'/g")
while read -r names; do
    expect "no table of the registry allows the states $names" "grep -F \"IN ($names)\" sql/install/appinfra--$version.sql"
done <<<"$states"
expect "the extension has fewer than three sets of states" '[ "$(wc -l <<<"$states")" -ge 3 ]'
# What the dashboard and the alerts ask for is what the sidecar exports.
monitoring=sidecar/monitoring
expect "$monitoring/dashboard.json is not JSON" 'python3 -m json.tool $monitoring/dashboard.json'
metrics=$(grep -ohE '(appinfra|agentcoopdb)_[a-z_]+[a-z]' $monitoring/dashboard.json $monitoring/alerts.yml | sed 's/_bucket$//' | sort -u)
for metric in $metrics; do
    expect "no metric $metric is exported" 'grep "\"$metric\"" sidecar/rest/metrics.cpp sidecar/gateway/gateway_metrics.cpp'
done
expect "the dashboard asks for no metrics" '[ "$(wc -w <<<"$metrics")" -gt 10 ]'
# A source that a comment or a map sends the reader to is there.
sources=$(find extension sidecar -name '*.[ch]pp')
named=$(grep -hvE '^#include <' $sources extension/README.md sidecar/README.md |
    grep -ohE '\b[a-z][a-z_0-9]*\.(cpp|hpp)\b' | sort -u)
for source in $named; do
    expect "a comment names $source, which is nowhere" 'grep "/$source\$" <<<"$sources"'
done
[ "$failed" = 0 ] || exit 1
echo "check-consistency: version $version everywhere"
