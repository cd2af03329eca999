# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by the benchmarks: a private host with the extension, and figures out of psql's \timing.
#
# A benchmark reports medians and ratios of things measured alternately in one run; it never fails
# because a machine is slow. COUNT in the environment sets how many rounds are measured.

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

# Prints a line of figures: name, median, p99.
figure() {
    printf '%-34s median %8.2f ms   p99 %8.2f ms\n' "$3" "$(quantile "$1" "$2" 0.5)" \
        "$(quantile "$1" "$2" 0.99)"
}
