# shellcheck shell=bash disable=SC2034
# Sourced by check.sh and quickstart.sh: private PostgreSQL servers that nobody else notices.
#
# Words: a *private installation* is a copy of the server's programs with appinfra installed into
# it (PostgreSQL finds its files relative to its programs), so that a running test or quickstart
# and `make install` never disturb each other. The *server user* runs it: postgres when we are
# root, because PostgreSQL refuses root, else ourselves.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ -n "${QUICKSTART_DIR:-}" ]; then QUICKSTART_DIR=$(realpath -m "$QUICKSTART_DIR"); fi
cd / # the server user may not be able to stand where we do
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGPASSFILE PGSERVICE PGSERVICEFILE PGOPTIONS
unset MAKEFLAGS MFLAGS MAKELEVEL
export LC_ALL=C.UTF-8

server_user=$(id -un)
if [ "$(id -u)" = 0 ]; then
    server_user=postgres
fi

die() {
    echo "appinfra: $*" >&2
    exit 1
}

# Runs a command as the server user. What it starts must not keep our locks (descriptor 8) open.
as_server() {
    if [ "$(id -u)" != 0 ]; then
        "$@" 8>&-
        return
    fi
    HOME=/tmp USER=$server_user LOGNAME=$server_user \
        setpriv --reuid="$server_user" --regid="$server_user" --init-groups -- "$@" 8>&-
}

# Installs missing packages as root; otherwise names them and fails.
ensure_packages() {
    if [ "$(id -u)" = 0 ]; then
        "$root/tools/deps.sh" install "$@"
    else
        "$root/tools/deps.sh" verify "$@"
    fi
}

# Builds both trees. Output goes to the file $1; its end is shown when the build fails. Further
# arguments are make's.
build_all() {
    local log=$1
    shift
    if ! make --no-print-directory -C "$root" -j"$(nproc)" all "$@" >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        die "the build failed; the whole output is in $log"
    fi
}

# Makes a private installation under $1 and sets bindir and pkglibdir to its directories.
private_install() {
    local into=$1 config directory source
    config=$("$root/tools/find-pg-config")
    for directory in bindir pkglibdir sharedir; do
        source=$("$config" --"$directory")
        mkdir -p "$into$(dirname "$source")"
        rm -rf "${into:?}$source"
        cp -a "$source" "$into$source"
    done
    bindir=$into$("$config" --bindir)
    pkglibdir=$into$("$config" --pkglibdir)
    make --no-print-directory -C "$root" install-extension DESTDIR="$into" >"$into/install.log" 2>&1 ||
        { cat "$into/install.log" >&2; die "make install failed"; }
    chmod -R go+rX "$into"
}

# Prints a TCP port of 127.0.0.1 that is free now, below the range for outgoing connections.
free_port() {
    local port
    for _ in $(seq 100); do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        if port_is_free "$port"; then
            echo "$port"
            return 0
        fi
    done
    die "no free port found"
}

# Succeeds when nothing listens on a port of 127.0.0.1.
port_is_free() {
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Writes pg_hba.conf: the superuser over the private socket, everyone else by password over TCP.
# Further lines come first, one per argument.
write_hba() {
    local data=$1 line
    shift
    {
        for line in "$@"; do echo "$line"; done
        echo "local all postgres trust"
        echo "local replication postgres trust"
        echo "host all all 127.0.0.1/32 scram-sha-256"
        echo "host all all ::1/128 scram-sha-256"
    } >"$data/pg_hba.conf"
}

# Creates a cluster in $1 whose superuser is postgres.
make_cluster() {
    local data=$1
    if ! as_server "$bindir/initdb" -D "$data" -U postgres -E UTF8 --locale=C.UTF-8 -A trust -N \
        >"$data.initdb.log" 2>&1; then
        cat "$data.initdb.log" >&2
        die "initdb failed"
    fi
}

# Waits until a command succeeds: wait_for SECONDS COMMAND...
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

# Starts the cluster in $1 with the log in $2, waiting until it accepts connections. After a crash
# the old postmaster's backends need a moment to leave the shared memory: so it tries again.
start_cluster() {
    if ! wait_for 20 try_start "$1" "$2"; then
        tail -n 20 "$2" >&2
        die "the server did not start; its log is $2"
    fi
}

try_start() {
    as_server "$bindir/pg_ctl" -D "$1" -l "$2" -w -t 60 start >"$1.start.log" 2>&1
}

stop_cluster() {
    [ -f "$1/postmaster.pid" ] || return 0
    as_server "$bindir/pg_ctl" -D "$1" -m "${2:-fast}" -w -t 60 stop >/dev/null 2>&1 || true
}
