# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by the benchmarks: a private host with the extension, and figures out of psql's \timing.
#
# A benchmark reports medians and ratios of things measured alternately in one run; it never fails
# because a machine is slow. COUNT in the environment sets how many rounds are measured, QUICK=1 that
# there are few of them. What it prints is for people; what emit() and its like append to the file
# APPINFRA_BENCH_RESULTS is for test/bench/collect.py, which makes tables, plots and build/bench.json.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../../tools/lib.sh
. "$here/../../tools/lib.sh"

# Makes and starts a private host in a directory of its own; it goes away when the benchmark ends.
# Arguments are further lines of postgresql.conf.
bench_host() {
    local line
    bench_dir=$(mktemp -d "${TMPDIR:-/tmp}/appinfra-bench.XXXXXX")
    trap bench_end EXIT
    chmod 755 "$bench_dir"
    private_install "$bench_dir/install"
    mkdir "$bench_dir/host" "$bench_dir/socket"
    [ "$(id -u)" != 0 ] || chown postgres "$bench_dir/host" "$bench_dir/socket"
    make_cluster "$bench_dir/host/data"
    bench_port=$(free_port)
    {
        echo "listen_addresses = '127.0.0.1'"
        echo "port = $bench_port"
        echo "unix_socket_directories = '$bench_dir/socket'"
        echo "shared_preload_libraries = 'appinfra'"
        echo "appinfra.public_host = '127.0.0.1'"
        echo "appinfra.allow_unsafe_server = on"
        for line in "$@"; do echo "$line"; done
    } >>"$bench_dir/host/data/postgresql.conf"
    write_hba "$bench_dir/host/data"
    start_cluster "$bench_dir/host/data" "$bench_dir/host/log"
    sql -c 'CREATE EXTENSION appinfra' >/dev/null
}

bench_end() {
    [ -z "${sidecar_pid:-}" ] || kill "$sidecar_pid" 2>/dev/null || true
    [ -z "${producer_pid:-}" ] || kill "$producer_pid" 2>/dev/null || true
    stop_cluster "$bench_dir/host/data" immediate
    rm -rf "$bench_dir"
}

# Runs psql as superuser in the control database.
sql() {
    "$bindir/psql" -X -q -At -v ON_ERROR_STOP=1 -h "$bench_dir/socket" -p "$bench_port" -U postgres \
        -d postgres "$@"
}

# Succeeds when at least $1 shells are ready.
pool_has() {
    [ "$(sql -c "SELECT count(*) >= $1 FROM appinfra.pool WHERE status = 'ready'")" = t ]
}

# Reads psql output with \timing on. `@name` begins a measurement, of which every following time is
# a part; `@` ends it. Prints `name milliseconds` for each.
measurements() {
    awk '/^@/ { if (name != "") print name, sum; name = substr($1, 2); sum = 0 }
         /^Time: / { sum += $2 }
         END { if (name != "") print name, sum }'
}

# Prints the quantile $3 (0 to 1) of the measurements named $2 in the file $1.
quantile() {
    awk -v name="$2" '$1 == name { print $2 }' "$1" | sort -n |
        awk -v q="$3" '{ v[NR] = $1 } END { i = int(q * NR + 0.999999); if (i < 1) i = 1; print v[i] }'
}

# Prints $1 / $2 with two digits.
ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f\n", a / b }'
}

# Prints a line of figures, and emits it as a row: figure FILE NAME TEXT [WANTED]. The row's key is the
# name of the measurements, whose median and p99 it has.
figure() {
    local median p99
    median=$(quantile "$1" "$2" 0.5)
    p99=$(quantile "$1" "$2" 0.99)
    printf '%-34s median %8.2f ms   p99 %8.2f ms\n' "$3" "$median" "$p99"
    emit "$2" "$3" ms "$median" "$p99" "${4:-}"
}

# Prints and emits a number a second: rate KEY TEXT NUMBER [WANTED].
rate() {
    printf '%-34s %10.1f per second%s\n' "$2" "$3" "${4:+ (wanted: $4)}"
    emit "$1" "$2" 'per second' "$3" '' "${4:-}"
}

# Prints and emits the resident memory of a process: memory KEY TEXT PID [WANTED].
memory() {
    local mib
    mib=$(awk '/VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$3/status")
    echo "$2: $mib MiB${4:+ (wanted: $4)}"
    emit "$1" "$2" MiB "$mib" '' "${4:-}"
}

# Prints how many rounds are measured: $1, or $2 when it has to be quick.
rounds_of() {
    if [ -n "${QUICK:-}" ]; then echo "$2"; else echo "$1"; fi
}

# --- results ----------------------------------------------------------------------------------------
# One line each, its fields between tabs: what it is, the benchmark, a key, and the arguments.
append_result() {
    local kind=$1 IFS=$'\t'
    [ -n "${APPINFRA_BENCH_RESULTS:-}" ] || return 0
    shift
    printf '%s\n' "$kind"$'\t'"${0##*/}"$'\t'"$*" >>"$APPINFRA_BENCH_RESULTS"
}

# A row of the table: emit KEY TEXT UNIT MEDIAN [P99 [WANTED]]. The key is unique in the benchmark. UNIT
# is ms, s, per second, MiB, or any other word. WANTED, of the median, is "at most N" or "at least N".
emit() { append_result row "$@"; }

# What the row KEY is compared with: emit_ratio KEY AGAINST RATIO [WANTED]. There may be several.
emit_ratio() { append_result ratio "$@"; }

# As emit_ratio, and prints it.
compare() {
    echo "$1 / $2: $3${4:+ (wanted: $4)}"
    emit_ratio "$@"
}

# A sentence that belongs to the row KEY: emit_note KEY TEXT.
emit_note() { append_result note "$@"; }

# As emit_note, and prints it.
note() {
    echo "$1: $2"
    emit_note "$@"
}

# A point of a plot: emit_point PLOT SERIES X Y. test/bench/plots.py knows the plots by their names.
emit_point() { append_result point "$@"; }
