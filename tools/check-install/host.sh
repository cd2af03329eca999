#!/usr/bin/env bash
# What tools/check-install.sh runs inside the host: it becomes one by docs/operations.md.
#
# The blocks of shell in the section "Install on Debian 12" are run in one shell, in their order and as
# they stand there. Then it is looked whether the app's DSN has come to the producer and logs in, over
# TLS that the published certificates vouch for, and whether the units are ones that systemd takes. The
# gateway is set up by docs/gateway.md, and asked for a statement.
set -eEuo pipefail
trap 'echo "check-install: a command in line $LINENO of host.sh fails" >&2' ERR

me=check-install
# shellcheck source=tools/check-install/lib.sh
. /appinfra/tools/check-install/lib.sh

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
seconds=$(follow /run/commands.sh)
log_in
answer_requests
serve_sql
judge_units
refuse_closed_folder
systemctl stop appinfrad
pg_ctlcluster 15 main stop -m fast
echo "check-install: from nothing to the first delivered DSN: $seconds s"
