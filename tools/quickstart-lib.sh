# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by quickstart.sh and quickstart-stop.sh, after lib.sh: where the quickstart's host lives,
# and how it is started and ended.
#
# Layout of $home: data/ log/ run/ (socket, pid file) env/ (the app environments), which belong to
# the server user; server/ (a private installation) bin/appinfrad bindir built-from port, which do
# not, because root runs programs from there; and the marker that says the directory is ours.
# Nothing without that marker is ever removed.

# Prints the directory: $QUICKSTART_DIR, or one per user that the server user can read.
quickstart_home() {
    if [ -n "${QUICKSTART_DIR:-}" ]; then
        echo "$QUICKSTART_DIR"
    elif [ "$(id -u)" != 0 ] && [ -n "${XDG_STATE_HOME:-}" ]; then
        echo "$XDG_STATE_HOME/appinfra-quickstart"
    else
        echo "/var/tmp/appinfra-quickstart-$(id -u)"
    fi
}

home=$(quickstart_home)
marker=$home/.appinfra-quickstart
data=$home/data
server_log=$home/log/server.log
sidecar_log=$home/log/sidecar.log

# The directory may stand where anyone can create one, so its owner counts as well.
is_ours() {
    [ -f "$marker" ] && [ ! -L "$home" ] && [ ! -L "$marker" ] && [ -O "$home" ] && [ -O "$marker" ]
}

host_runs() {
    "$bindir/pg_isready" -q -h "$home/run" -p "$port"
}

# Succeeds when the recorded sidecar lives and is one: a pid alone may have been given to another.
# Its name is all one can read: it has turned core dumps off, which hides /proc/PID/exe.
sidecar_runs() {
    local pid
    pid=$(cat "$home/run/sidecar.pid" 2>/dev/null) || return 1
    [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = appinfrad ] &&
        ! grep -q '^State:.*Z' "/proc/$pid/status" 2>/dev/null
}

stop_sidecar() {
    local pid
    if sidecar_runs; then
        pid=$(cat "$home/run/sidecar.pid")
        kill "$pid" 2>/dev/null || true
        wait_for 15 sidecar_ended || kill -9 "$pid" 2>/dev/null || true
    fi
    rm -f "$home/run/sidecar.pid"
}

sidecar_ended() {
    ! sidecar_runs
}

# Runs psql as the superuser over the private socket.
superuser_psql() {
    as_server env PGHOST="$home/run" PGPORT="$port" PGUSER=postgres \
        "$bindir/psql" -X -v ON_ERROR_STOP=1 "$@"
}

# Shows the end of a log and fails with a message.
die_with_log() {
    local log=$1
    shift
    echo "--- the last lines of $log" >&2
    tail -n 20 "$log" >&2 || true
    echo "---" >&2
    die "$*"
}
