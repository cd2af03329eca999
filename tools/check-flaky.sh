#!/usr/bin/env bash
# `make check-flaky`: runs each test that waits for anything many times beside a load, because a
# race that an idle machine never loses is lost there. It goes on where it was stopped.
#
# A *unit* is tap/NAME, isolation/NAME or regress/NAME: one file that can run by itself. What each
# run did is one line of build/flaky/runs: unit, checksum of the file, result, seconds. Runs of a
# file that was changed since do not count; FRESH=1 forgets all (do that when the product changed).
# RUNS=10 runs each, of FILES="tap/100_main_job regress/pool" (all that wait);
# LOAD="--cpu 4 --io 2" is what stress-ng is told, LOAD=none runs without it.
# The log of a run that failed is build/flaky/UNIT.N.log. Ends with the report; 1 when any failed.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/check-suites.sh
. "$root/tools/check-suites.sh"

wanted=${RUNS:-10}
load=${LOAD:---cpu 4 --io 2}
state=$root/build/flaky
work=
stress=

# Ends the load and the servers, and removes the private directory.
finish() {
    local status=$? data
    trap - EXIT
    [ -z "$stress" ] || kill "$stress" 2>/dev/null || true
    if [ -d "$work" ]; then
        for data in "$work"/*/data; do stop_cluster "$data" immediate; done
        rm -rf "$work"
    fi
    exit "$status"
}

# Prints the units that wait: each isolation spec, and the other files with a word of waiting.
units() {
    local file
    cd "$root"
    for file in $(grep -lE 'wait|poll|until|_psql' test/tap/*.pl); do unit_of tap "$file"; done
    for file in test/isolation/specs/*.spec; do unit_of isolation "$file"; done
    for file in $(grep -lE 'wait_for|pg_sleep' sql/*.sql); do
        case $file in */helpers.sql | */uninstall.sql) ;; *) unit_of regress "$file" ;; esac
    done
}

unit_of() {
    local name=${2##*/}
    echo "$1/${name%.*}"
}

# Prints the file of a unit, below the top of the tree.
file_of() {
    case $1 in
        tap/*) echo "test/$1.pl" ;;
        isolation/*) echo "test/isolation/specs/${1#*/}.spec" ;;
        regress/*) echo "sql/${1#*/}.sql" ;;
        *) die "no such unit: $1" ;;
    esac
}

checksum() {
    cksum <"$work/tests/$(file_of "$1")" | cut -d ' ' -f 1
}

# Prints the lines of the runs of a unit as it is now.
runs_of() {
    awk -v unit="$1" -v sum="$(checksum "$1")" '$1 == unit && $2 == sum' "$state/runs"
}

# Runs a unit once; succeeds when all in it passed.
run_once() {
    local unit=$1 suite=${1%%/*} name=${1#*/} log=$2
    stop_cluster "$work/$suite/data" immediate
    rm -rf "${work:?}/$suite"
    (
        set -e
        # shellcheck disable=SC2034 # read by the suites
        case $suite in
            tap) TAP=test/tap/$name.pl ;;
            isolation) ISOLATION=$name ;;
            regress) REGRESS=$name ;;
        esac
        "suite_$suite"
    ) >"$log" 2>&1 8>&- && grep -qE "^$suite: [1-9][0-9]* passed, 0 failed$" "$log"
}

# Runs a unit until there are as many runs as wanted.
run_unit() {
    local unit=$1 sum n log result started
    sum=$(checksum "$unit")
    n=$(runs_of "$unit" | wc -l)
    while [ "$n" -lt "$wanted" ]; do
        n=$((n + 1))
        log=$state/${unit//\//-}.$n.log
        result=passed
        started=$(date +%s%N)
        run_once "$unit" "$log" || result=failed
        printf '%s %s %s %d.%d\n' "$unit" "$sum" "$result" \
            $((($(date +%s%N) - started) / 1000000000)) \
            $((($(date +%s%N) - started) / 100000000 % 10)) >>"$state/runs"
        [ "$result" = failed ] || rm -f "$log"
        echo "$unit $n: $result"
    done
}

# Prints a line a unit: runs, failures, median seconds. Fails when a run failed.
report() {
    local unit failures bad=0
    printf '%-44s %5s %8s %8s\n' unit runs failures median
    for unit in "${all[@]}"; do
        failures=$(runs_of "$unit" | grep -c ' failed ' || true)
        printf '%-44s %5d %8d %8s\n' "$unit" "$(runs_of "$unit" | wc -l)" "$failures" "$(runs_of "$unit" |
            awk '{ print $4 }' | sort -n | awk '{ t[NR] = $1 } END { print NR ? t[int((NR + 1) / 2)] : "-" }')"
        bad=$((bad + failures))
    done
    echo "$bad runs failed"
    [ "$bad" = 0 ]
}

trap finish EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$state"
if [ -n "${FRESH:-}" ]; then rm -rf "${state:?}"/*; fi
touch "$state/runs"
# shellcheck disable=SC2206 # a list of names
all=(${FILES:-$(units)})
ensure_packages build check
work=$(mktemp -d "${APPINFRA_TMPDIR:-/var/tmp}/appinfra-flaky.XXXXXX")
chmod 755 "$work"
build_all "$state/build.log"
lay_out
if [ "$load" != none ]; then
    ensure_packages flaky
    # shellcheck disable=SC2086 # a list of options
    stress-ng $load --temp-path "$work" >"$state/stress.log" 2>&1 &
    stress=$!
fi
for unit in "${all[@]}"; do run_unit "$unit"; done
report
