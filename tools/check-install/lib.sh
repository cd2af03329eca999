# shellcheck shell=bash
# Sourced by what runs inside the new host (check-install/host.sh, check-deb/host.sh): the document's
# commands, the producer, and the app that logs in with what came to it.
# shellcheck disable=SC2154 # the caller sets $me
# It begins only where mounts, processes and network are others than the machine's.
# The caller sets $me.

document=/appinfra/docs/operations.md
producer=/root/producer
environment=$producer/app.env

die() {
    echo "$me: $*" >&2
    exit 1
}

# Refuses to run where it would change a machine.
refuse_outside() {
    local outer
    outer=$(cat /run/outer-namespaces 2>/dev/null) || die "this runs in the folder of make $me only"
    local name
    for name in mnt pid net; do
        if grep -qxF "$(readlink "/proc/self/ns/$name")" <<<"$outer"; then
            die "the $name namespace is the machine's own"
        fi
    done
}

# Prints the blocks of shell of a section of the document, or of another one.
commands_of() {
    awk -v wanted="## $1" '
        /^## / { inside = ($0 == wanted) }
        inside && /^```sh$/ { block = 1; next }
        /^```$/ { if (block) print ""; block = 0 }
        block { print }' "${2:-$document}"
}

# Starts the producer, as somebody else's server would be there already.
start_producer() {
    python3 /appinfra/test/peer/reference_producer.py --database "$producer/env.sqlite" \
        --token-file /root/producer-token --listen 127.0.0.1:443 --tls-cert "$producer/secrets.example.crt" \
        --tls-key "$producer/secrets.example.key" >"$producer/log" 2>&1 &
    for _ in $(seq 100); do
        if grep -q listening "$producer/log"; then return; fi
        sleep 0.1
    done
    die "the producer does not start: $(cat "$producer/log")"
}

# Reads the app's environment from the producer once its DSN is there.
wait_for_dsn() {
    for _ in $(seq 600); do
        python3 /appinfra/test/peer/reference_producer.py --database "$producer/env.sqlite" \
            --print app-12345678 >"$environment"
        if grep -q '^DATABASE_URL=' "$environment"; then return; fi
        sleep 0.1
    done
    die "no DSN has come: $(cat /var/log/appinfrad.service.log)"
}

# Logs in as the app would, with nothing but its environment.
log_in() {
    local answer
    # shellcheck disable=SC1090 # it is what the app gets
    . "$environment"
    printf '%s' "$DATABASE_CA_CERT" >"$producer/ca.pem"
    answer=$(psql -XAtq "$DATABASE_URL" -c 'SELECT current_user')
    [ "$answer" = app_myapp_owner ] || die "logged in as $answer"
    answer=$(psql -XAtq "${DATABASE_URL/sslmode=require/sslmode=verify-full}&sslrootcert=$producer/ca.pem" -c 'SELECT 1')
    [ "$answer" = 1 ] || die "the published certificates do not vouch for pg.example"
    if psql -XAtq "${DATABASE_URL/sslmode=require/sslmode=disable}" -c 'SELECT 1' 2>/dev/null; then
        die "a tenant logs in without TLS"
    fi
}

# Runs the shell of file $1 in one shell, as an operator types it, and prints how many seconds it took
# until the app's DSN was delivered.
follow() {
    local started
    started=$(date +%s)
    bash -euo pipefail "$1" >&2 || die "a command of the document fails"
    wait_for_dsn
    echo $(($(date +%s) - started))
}
