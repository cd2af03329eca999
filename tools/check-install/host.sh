#!/usr/bin/env bash
# What tools/check-install.sh runs inside the host: it becomes one by docs/operations.md.
#
# The blocks of shell in the section "Install on Debian 12" are run in one shell, in their order and as
# they stand there. Then it is looked whether the app's DSN has come to the producer and logs in, over
# TLS that the published certificates vouch for, and whether the units are ones that systemd takes. The
# gateway is set up by docs/gateway.md, and asked for a statement.
# It begins only where mounts, processes and network are others than the machine's.
set -eEuo pipefail
trap 'echo "check-install: a command in line $LINENO of host.sh fails" >&2' ERR

document=/appinfra/docs/operations.md
producer=/root/producer
environment=$producer/app.env

die() {
    echo "check-install: $*" >&2
    exit 1
}

# Refuses to run where it would change a machine.
refuse_outside() {
    local outer
    outer=$(cat /run/outer-namespaces 2>/dev/null) || die "this runs in the folder of make check-install only"
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

# Lets the sidecar answer requests, with keys that it has as credentials and the options of the document.
answer_requests() {
    local secrets=/etc/appinfra/secrets report
    install -m 400 /root/authority/server.key $secrets/tls.key
    install -m 400 /root/authority/server.crt $secrets/tls.crt
    openssl ecparam -genkey -name prime256v1 -noout -out /root/jwt.key
    openssl ec -in /root/jwt.key -pubout -out $secrets/jwt.pem 2>/dev/null
    grep -E '^(listen|tls-cert|tls-key|jwt-keys) = ' "$document" >/run/options
    [ "$(wc -l </run/options)" = 4 ] || die "the document has other options for requests: $(cat /run/options)"
    cat /run/options >>/etc/appinfra/appinfrad.conf
    su postgres -c 'psql -X -q -d platform -c "GRANT appinfra_admin TO appinfrad"'
    systemctl restart appinfrad
    python3 - <<'EOF' || die "https://pg.example:8443 does not answer: $(tail -n 3 /var/log/appinfrad.service.log)"
import ssl, urllib.error, urllib.request
trusted = ssl.create_default_context(cafile="/root/authority/ca.crt")
assert urllib.request.urlopen("https://pg.example:8443/healthz", context=trusted).status == 200
try:
    urllib.request.urlopen("https://pg.example:8443/api/app-infra/databases", context=trusted)
    raise SystemExit("it answers without a token")
except urllib.error.HTTPError as refusal:
    assert refusal.code == 401
EOF
    report=$(appinfrad doctor) || die "not all is well: $report"
    grep -q '^ok: files: --jwt-keys: ' <<<"$report" || die "the doctor does not look at keys: $report"
}

# Sets the gateway up by its document, and has it run a statement with a key.
serve_sql() {
    local token answer
    commands_of 'For operators' /appinfra/docs/gateway.md >/run/gateway-commands.sh
    [ "$(wc -l </run/gateway-commands.sh)" -gt 10 ] || die "docs/gateway.md has too few commands"
    bash -euo pipefail /run/gateway-commands.sh || die "a command of docs/gateway.md fails"
    token=$(su postgres -c "psql -XAtq -d platform -c \"SELECT token FROM appinfra.mint_key('my-app', 'dbadmin')\"")
    answer=$(python3 - "$token" <<'EOF'
import sys, urllib.request
request = urllib.request.Request("http://127.0.0.1:8081/v1/sql/execute", b'{"sql": "SELECT 1"}',
    {"Authorization": "Bearer " + sys.argv[1], "Content-Type": "application/json"})
print(urllib.request.urlopen(request).read().decode())
EOF
) || die "the gateway does not answer: $(tail -n 3 /var/log/appinfrad-gateway.service.log)"
    grep -qF '"rows":[[1]]' <<<"$answer" || die "the gateway answers $answer"
}

# Judges the units by systemd's own tools.
judge_units() {
    local unit exposure
    for unit in appinfrad appinfrad-gateway; do
        systemd-analyze verify "/usr/local/lib/systemd/system/$unit.service" || die "systemd does not take the unit $unit"
        exposure=$(systemd-analyze security --offline=yes --no-pager "/usr/local/lib/systemd/system/$unit.service" |
            sed -nE 's/^.*Overall exposure level.*: ([0-9.]+).*/\1/p')
        awk -v level="${exposure:-10}" 'BEGIN { exit !(level < 2.0) }' || die "the exposure of $unit is ${exposure:-unknown}"
        echo "check-install: systemd-analyze: exposure of $unit: $exposure"
    done
}

# Proves that the service would not start with the one mistake that people make most.
refuse_closed_folder() {
    local report
    chmod 700 /etc/appinfra
    if systemctl restart appinfrad 2>/run/refusal; then
        die "the service starts though its user cannot read its configuration"
    fi
    grep -q 'Permission denied; hint: this process runs as user' /run/refusal || die "no hint: $(cat /run/refusal)"
    report=$(appinfrad doctor || true)
    grep -q '^problem: files: --config: .*; chmod 755 /etc/appinfra$' <<<"$report" || die "the doctor does not see it: $report"
    chmod 755 /etc/appinfra
    systemctl restart appinfrad
}

refuse_outside
start_producer
cd /appinfra
commands_of 'Install on Debian 12' >/run/commands.sh
[ "$(wc -l </run/commands.sh)" -gt 60 ] || die "the document has too few commands"
started=$(date +%s)
bash -euo pipefail /run/commands.sh || die "a command of the document fails"
wait_for_dsn
ended=$(date +%s)
log_in
answer_requests
serve_sql
judge_units
refuse_closed_folder
systemctl stop appinfrad
pg_ctlcluster 15 main stop -m fast
echo "check-install: from nothing to the first delivered DSN: $((ended - started)) s"
