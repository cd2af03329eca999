#!/usr/bin/env bash
# `make check`: builds, installs into a private place, and runs every suite that has tests.
#
# Counted are: the layout and symbol checks, SQL tests and isolation specs (1 each), TAP
# assertions, the sidecar's unit tests, and what test/attack reports. A suite that crashes, times
# out or runs nothing counts as a failure. The last line is "N passed, N failed".
# SUITES="regress tap" runs some only; TAP="test/tap/010_x.pl" some TAP files only, REGRESS="names"
# and ISOLATION="names" some SQL tests (after install and helpers) and specs; KEEP=1 keeps the
# private directory. It may run twice at a time, and leaves nothing behind when all is well.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/check-suites.sh
. "$root/tools/check-suites.sh"

total_passed=0
total_failed=0
summary=()
closed=
work=

# Ends what is still running, prints the closing line if that is still owed, and removes the private directory unless it holds evidence.
finish() {
    local status=$? data
    trap - EXIT
    [ -n "$closed" ] || echo "$total_passed passed, $((total_failed + 1)) failed"
    [ -d "$work" ] || exit "$status"
    for data in "$work"/*/data; do stop_cluster "$data" immediate; done
    if [ "$status" = 0 ] && [ -z "${KEEP:-}" ]; then
        rm -rf "$work"
        rmdir "$ports" 2>/dev/null || true
    fi
    exit "$status"
}

# Runs suite $1 and adds its "N passed, N failed" to the totals.
run_suite() {
    local suite=$1 log=$work/$1.log line passed failed status=0 seconds=$SECONDS
    echo "=== $suite"
    set +e
    (set -e; "suite_$suite") 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    set -e
    line=$(grep -aE "^$suite: [0-9]+ passed, [0-9]+ failed$" "$log" | tail -n 1 || true)
    passed=$(sed -nE 's/.* ([0-9]+) passed.*/\1/p' <<<"$line")
    failed=$(sed -nE 's/.* ([0-9]+) failed.*/\1/p' <<<"$line")
    passed=${passed:-0}
    failed=${failed:-0}
    # A suite that ends badly without naming a failed test, or tests nothing, has failed.
    if [ "$failed" = 0 ] && { [ "$status" != 0 ] || [ "$passed" = 0 ]; }; then
        failed=1
    fi
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    summary+=("$(printf '%-10s %6d passed %4d failed %5d s' "$suite" "$passed" "$failed" $((SECONDS - seconds)))")
}

# Prints the suites that have tests, in the order in which they run.
suites() {
    local suite
    for suite in ${SUITES:-layout symbols sidecar buckets regress isolation tap attack}; do
        if "has_$suite"; then echo "$suite"; fi
    done
}

trap finish EXIT
trap 'exit 130' INT TERM HUP
ensure_packages build check
work=$(mktemp -d "${APPINFRA_TMPDIR:-/var/tmp}/appinfra-check.XXXXXX")
chmod 755 "$work"
echo "=== build"
build_all "$work/build.log"
lay_out

for suite in $(suites); do run_suite "$suite"; done

echo
echo "=== summary"
[ "${#summary[@]}" -gt 0 ] || { echo "no suite has tests"; total_failed=1; }
printf '%s\n' "${summary[@]}"
closed=yes
[ "$total_failed" = 0 ] || echo "logs and data are kept in $work"
echo "$total_passed passed, $total_failed failed"
[ "$total_failed" = 0 ]
