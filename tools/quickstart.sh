#!/usr/bin/env bash
# `make quickstart`: the main job on a private host, shown step by step. A host of its own (any
# free port, own socket, own copy of the server's programs), the sidecar with the environment-file
# sink, one tenant, a query made with the DSN that the app's environment received, and calls of the SQL
# gateway with an API key. The host keeps running; run it again for another tenant. `make quickstart-stop` ends and removes it.
#
# BUCKETS=1 adds an object store, and a bucket for the app.
# QUICKSTART_DIR says where; the DSN's password is never printed and never on a command line.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/quickstart-lib.sh
. "$root/tools/quickstart-lib.sh"
# shellcheck source=tools/quickstart-buckets.sh
. "$root/tools/quickstart-buckets.sh"

started=$(date +%s%N)

step() {
    if [ -t 1 ]; then
        printf '\n\033[1m%s\033[0m\n' "$*"
    else
        printf '\n%s\n' "$*"
    fi
}

# Prints the seconds since $1 (nanoseconds of the clock), such as 1.4 s.
since() {
    awk -v a="$1" -v b="$(date +%s%N)" 'BEGIN { printf "%.1f s", (b - a) / 1e9 }'
}

# Takes the directory, or refuses one that is somebody else's.
take_home() {
    if [ -e "$home" ] && { ! [ -d "$home" ] || [ -n "$(ls -A "$home")" ]; }; then
        is_ours || die "$home is in use and not by the quickstart; set QUICKSTART_DIR to another place"
        return 0
    fi
    [ "${#home}" -lt 80 ] ||
        die "$home is too long a path for a socket; set QUICKSTART_DIR to a shorter one"
    mkdir -p "$home"
    [ -O "$home" ] || die "$home belongs to somebody else; set QUICKSTART_DIR to another place"
    chmod 755 "$home"
    echo "Made by make quickstart; make quickstart-stop removes this directory." >"$marker"
    mkdir -p "$home/bin" "$home/server"
    make_private_directories
    as_server test -x "$home/run" ||
        die "user $server_user cannot enter $home; set QUICKSTART_DIR to a place it can"
}

# Creates what the server user writes to, empty: a new host starts without the old one's data.
make_private_directories() {
    local name
    for name in data log run env; do
        rm -rf "${home:?}/$name"
        mkdir -m 700 "$home/$name"
        if [ "$(id -u)" = 0 ]; then chown "$server_user:" "$home/$name"; fi
    done
}

# Builds, and puts extension and sidecar into the private installation. A host of an older build
# makes way for a new one: its registry may not fit the new library.
build_and_install() {
    build_all "$home/build.log" SIDECAR_TARGET=appinfrad
    [ -x "$root/build/sidecar/appinfrad" ] || die "the build made no build/sidecar/appinfrad"
    if [ -f "$home/bindir" ]; then
        bindir=$(cat "$home/bindir")
        if [ "$(cat "$home/built-from" 2>/dev/null)" = "$(build_id)" ]; then return 0; fi
        echo "The sources have changed: a new host replaces the one in $home"
        stop_sidecar
        stop_cluster "$data"
        rm -f "$home/port"
        make_private_directories
    fi
    private_install "$home/server"
    install -m 755 "$root/build/sidecar/appinfrad" "$home/bin/appinfrad"
    echo "$bindir" >"$home/bindir"
    build_id >"$home/built-from"
}

# Prints what identifies the build: a host of an older one is restarted with the new.
build_id() {
    cat "$root/appinfra.so" "$root/build/sidecar/appinfrad" "$root"/sql/install/*.sql | sha256sum
}

# Writes the host's settings, anew at each start: the port may have been taken meanwhile.
configure_host() {
    as_server tee "$data/quickstart.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$home/run'
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'
max_worker_processes = 18
max_locks_per_transaction = 256
recovery_init_sync_method = syncfs
jit = off
shared_preload_libraries = 'appinfra'
appinfra.control_database = 'control'
appinfra.public_host = '127.0.0.1'
appinfra.public_port = $port
appinfra.pool_size = 4
appinfra.allow_unsafe_server = on
CONF
    write_hba "$data" "local control appinfra_sidecar trust"
}

# Creates the host on first use, and sees to it that it runs.
start_host() {
    local from
    from=$(date +%s%N)
    port=$(cat "$home/port" 2>/dev/null || true)
    if [ -z "$port" ]; then
        make_private_directories
        make_cluster "$data"
        echo "include 'quickstart.conf'" | as_server tee -a "$data/postgresql.conf" >/dev/null
    fi
    if [ -n "$port" ] && host_runs; then
        echo "The host in $home is running already: 127.0.0.1, port $port"
        return 0
    fi
    if [ -z "$port" ] || ! port_is_free "$port"; then port=$(free_port); fi
    configure_host
    start_cluster "$data" "$server_log"
    echo "$port" >"$home/port"
    echo "A host of its own runs in $home: 127.0.0.1, port $port ($(since "$from"))"
}

# Creates the control database, the extension and the sidecar's role, where they are missing.
prepare_control() {
    local have
    have=$(superuser_psql -Atq -d postgres -c "SELECT count(*) FROM pg_database WHERE datname = 'control'")
    if [ "$have" = 0 ]; then
        superuser_psql -q -d postgres -c 'CREATE DATABASE control'
    fi
    have=$(superuser_psql -Atq -d control -c "SELECT count(*) FROM pg_extension WHERE extname = 'appinfra'")
    if [ "$have" = 0 ]; then
        show_sql "CREATE EXTENSION appinfra"
    fi
    have=$(superuser_psql -Atq -d control -c "SELECT count(*) FROM pg_roles WHERE rolname = 'appinfra_sidecar'")
    if [ "$have" = 0 ]; then
        show_sql "CREATE ROLE appinfra_sidecar LOGIN IN ROLE appinfra_publisher, appinfra_gateway"
    fi
}

# Prints a statement as one would type it, runs it as superuser, prints the answer and its time.
show_sql() {
    printf 'control=# %s;\n' "$1"
    printf '%s\n' '\timing on' "$1;" | superuser_psql -q -d control -x -P footer=off -f - ||
        die_with_log "$server_log" "that statement failed"
}

pool_is_ready() {
    [ "$(superuser_psql -Atq -d control -c "SELECT count(*) > 0 FROM appinfra.pool WHERE status = 'ready'")" = t ]
}

wait_for_shell() {
    local from
    from=$(date +%s%N)
    wait_for 60 pool_is_ready || die_with_log "$server_log" "no shell became ready within 60 s"
    echo "The worker has a database ready to be claimed (waited $(since "$from"))"
}

# Starts the sidecar as the server user. Its login may claim and complete publications, no more.
start_sidecar() {
    local more=()
    if [ -n "${BUCKETS:-}" ]; then
        mapfile -t more < <(store_environment)
        # one that was started without the store makes no buckets
        if ! [ -e "$home/run/sidecar.store" ]; then stop_sidecar; fi
        touch "$home/run/sidecar.store"
    fi
    if sidecar_runs; then
        echo "The sidecar is running already: log $sidecar_log"
        return 0
    fi
    free_port >"$home/gateway-port"
    if [ -e "$home/run/sidecar.store" ]; then mapfile -t more < <(store_environment); fi
    # shellcheck disable=SC2016 # the inner shell expands: its pid becomes the sidecar's
    as_server env -i PATH="$PATH" LC_ALL=C.UTF-8 LOG="$sidecar_log" \
        APPINFRA_DATABASE_URL="postgres:///control?host=$home/run&port=$port&user=appinfra_sidecar" \
        APPINFRA_SINK="file:$home/env" APPINFRA_GATEWAY_LISTEN="127.0.0.1:$(cat "$home/gateway-port")" "${more[@]}" \
        setsid sh -c 'echo $$ >"$0"; exec "$@" >>"$LOG" 2>&1' \
        "$home/run/sidecar.pid" "$home/bin/appinfrad" serve </dev/null >/dev/null 2>&1 8>&- &
    wait_for 5 sidecar_runs || die_with_log "$sidecar_log" "the sidecar did not start"
    echo "The sidecar delivers to files under $home/env: log $sidecar_log"
}

# Sets app_id and slug of the tenant to make: the first, or the next one.
choose_names() {
    local have
    have=$(superuser_psql -Atq -d control -c 'SELECT count(*) FROM appinfra.databases')
    app_id=app-$((12345678 + have))
    slug=my-app
    if [ "$have" != 0 ]; then slug=my-app-$((have + 1)); fi
    env_file=$home/env/$app_id/app.env
}

env_arrived() {
    grep -qs '^DATABASE_URL=' "$env_file"
}

wait_for_env() {
    local from
    from=$(date +%s%N)
    wait_for 30 env_arrived || die_with_log "$sidecar_log" "the app's environment did not arrive in $env_file"
    echo "It arrived after $(since "$from")."
    echo "\$ cat $env_file        (the password is masked here, and only here)"
    sed -E 's|(://[^:/@]+:)[^@]+@|\1********@|' "$env_file"
}

# Sets PG* from the published DSN for one command: with_dsn COMMAND...
with_dsn() {
    local dsn pattern='^postgres(ql)?://([^:@/]+):([^@]+)@([^:/]+):([0-9]+)/([^?]+)(\?sslmode=(.*))?$'
    dsn=$(sed -n 's/^DATABASE_URL=//p' "$env_file" | tr -d '"'"'")
    [[ $dsn =~ $pattern ]] || die "DATABASE_URL in $env_file is no DSN"
    PGUSER=${BASH_REMATCH[2]} PGPASSWORD=${BASH_REMATCH[3]} PGHOST=${BASH_REMATCH[4]} \
        PGPORT=${BASH_REMATCH[5]} PGDATABASE=${BASH_REMATCH[6]} PGSSLMODE=${BASH_REMATCH[8]:-prefer} "$@"
}

query_as_app() {
    local statements=(
        "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY, body text NOT NULL)"
        "INSERT INTO notes (body) VALUES ('written with the DSN nobody has seen')"
        "SELECT n.*, session_user AS login, current_database() AS database FROM notes n"
    )
    {
        printf '%s\n' '\set QUIET on' '\timing on' '\set QUIET off'
        printf '%s;\n' "${statements[@]}"
    } | with_dsn "$bindir/psql" -X -e -P footer=off -v ON_ERROR_STOP=1 -f - ||
        die_with_log "$server_log" "the app's query failed"
}

# Mints a key of the app's database, and runs three statements with it.
show_gateway() {
    local db_id
    db_id=$(superuser_psql -Atq -d control -c "SELECT db_id FROM appinfra.databases WHERE app_id = '$app_id' ORDER BY created_at DESC LIMIT 1")
    gateway=http://127.0.0.1:$(cat "$home/gateway-port")
    key=$home/api-key-$app_id
    echo "control=# SELECT token FROM appinfra.mint_key('$db_id', 'dbadmin', name => 'quickstart');"
    (
        umask 077
        superuser_psql -Atq -d control -c "SELECT 'Authorization: Bearer ' || token FROM appinfra.mint_key('$db_id', 'dbadmin', name => 'quickstart')" >"$key"
    )
    echo "The key is in $key, as curl reads it."
    wait_for 15 gateway_answers || die_with_log "$sidecar_log" "the gateway did not answer"
    show_call '{"sql": "CREATE TABLE tasks (id bigint GENERATED ALWAYS AS IDENTITY, what text, done boolean)"}'
    # shellcheck disable=SC2016 # $1 is the statement's
    show_call '{"sql": "INSERT INTO tasks (what, done) VALUES ($1, $2) RETURNING id", "params": ["write an agent", false]}'
    # shellcheck disable=SC2016 # $1 is the statement's
    show_call '{"sql": "SELECT * FROM tasks WHERE done = $1", "params": [false]}'
}

gateway_answers() {
    curl -fsS -o /dev/null "$gateway/readyz" 2>/dev/null
}

# Prints a call as one would type it, and its answer.
show_call() {
    printf "\$ curl %s/v1/sql/execute -H @%s -H 'Content-Type: application/json' -d '%s'\n" "$gateway" "$key" "$1"
    curl -fsS "$gateway/v1/sql/execute" -H "@$key" -H 'Content-Type: application/json' -d "$1" ||
        die_with_log "$sidecar_log" "the gateway refused that call"
    echo
}

what_next() {
    cat <<NEXT
  as the app:        psql "\$(sed -n 's/^DATABASE_URL=//p' $env_file | tr -d \\")"
  as the platform:   ${as_postgres}psql -h $home/run -p $port -U postgres control
                     SELECT db_id, app_id, database, username, status FROM appinfra.databases;
  over HTTP:         curl $gateway/v1/sql/execute -H @$key \\
                       -H 'Content-Type: application/json' -d '{"sql": "SELECT version()"}'      (docs/gateway.md)
  another tenant:    make quickstart
  a bucket as well:  make quickstart BUCKETS=1        (a real Ceph; a minute more the first time)
  end and remove:    make quickstart-stop
NEXT
}

as_postgres=
if [ "$(id -u)" = 0 ]; then as_postgres="runuser -u postgres -- "; fi
if [ ! -e "$home" ]; then step "0. Packages and build: this takes a minute or two, once"; fi
ensure_packages build quickstart
take_home
exec 8>"$home/lock"
flock -w 170 8 || die "another make quickstart is at work in $home"
build_and_install
step "1. A PostgreSQL host with appinfra"
start_host
prepare_control
wait_for_shell
if [ -n "${BUCKETS:-}" ] || [ -e "$home/run/sidecar.store" ]; then start_store; fi
step "2. The sidecar"
start_sidecar
step "3. A database for an app: one SQL call"
choose_names
show_sql "SELECT * FROM appinfra.provision_tenant('$app_id', 'user@example.com', '$slug')"
step "4. The app's environment"
wait_for_env
step "5. The app, with that DSN over TCP"
query_as_app
step "6. SQL over HTTP, with an API key"
show_gateway
if [ -n "${BUCKETS:-}" ]; then show_bucket; fi
step "Done in $(since "$started"). The host keeps running. What next:"
what_next
