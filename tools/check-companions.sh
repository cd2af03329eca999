#!/usr/bin/env bash
# Shows that postgis and pg_repack work by a superuser's hand in a tenant's database, and what pg_repack
# does where a tenant's function stands on a table. Not part of `make check`: the two bring a hundred
# packages along. As root; installs what is missing.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
major=$("$("$root/tools/find-pg-config")" --version | sed -nE 's/^PostgreSQL ([0-9]+).*/\1/p')
for package in "postgresql-$major-postgis-3" "postgresql-$major-repack"; do
    dpkg -s "$package" >/dev/null 2>&1 ||
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$package" >/dev/null
done
work=$(mktemp -d "${APPINFRA_TMPDIR:-/var/tmp}/appinfra-companions.XXXXXX")
trap 'stop_cluster "$work/data" immediate; rm -rf "$work"' EXIT
chmod 755 "$work"
passed=0 failed=0

# Counts whether a command's output ($3…) has what is expected ($2, a pattern).
shows() {
    local name=$1 expected=$2 out
    shift 2
    out=$("$@" 2>&1) || true
    if grep -qE "$expected" <<<"$out"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        printf 'FAILED %s\n%s\n' "$name" "$out"
    fi
}

sql() {
    local database=$1
    shift
    as_server "$bindir/psql" -X -q -At -v ON_ERROR_STOP=1 -h "$work" -p "$port" -U postgres -d "$database" "$@"
}

build_all "$work/build.log" SIDECAR_TARGET=appinfrad
private_install "$work/server"
[ "$(id -u)" != 0 ] || chown -R "$server_user:" "$work"
port=$(free_port)
make_cluster "$work/data"
as_server tee -a "$work/data/postgresql.conf" >/dev/null <<CONF
shared_preload_libraries = 'appinfra'
appinfra.control_database = 'control'
appinfra.public_host = '127.0.0.1'
appinfra.public_port = $port
appinfra.allow_unsafe_server = on
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$work'
max_worker_processes = 16
CONF
write_hba "$work/data"
start_cluster "$work/data" "$work/log"
sql postgres -c 'CREATE DATABASE control'
sql control -c 'CREATE EXTENSION appinfra'
sql control -c "SELECT FROM appinfra.provision_tenant('app-c', 'u@example.com', 'c', publish => false)" >/dev/null
sql app_c <<'SQL'
SET ROLE app_c_owner;
CREATE FUNCTION positive(x int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN x > 0; END';
CREATE TABLE plain (id int PRIMARY KEY, x text);
INSERT INTO plain SELECT g, 'x' FROM generate_series(1, 1000) g;
CREATE TABLE checked (id int PRIMARY KEY CHECK (positive(id)));
INSERT INTO checked SELECT generate_series(1, 1000);
CREATE TABLE indexed (id int PRIMARY KEY);
INSERT INTO indexed SELECT generate_series(1, 1000);
CREATE INDEX ON indexed (positive(id));
SQL
shows 'postgis can be created' '^$' sql app_c -c 'CREATE EXTENSION postgis'
shows 'it works for a superuser' '^5$' sql app_c -c "SELECT ST_Distance('POINT(0 0)'::geometry, 'POINT(3 4)'::geometry)"
shows 'and with an index' '^10$' sql app_c -c "CREATE TABLE places AS SELECT ST_MakePoint(g, g) AS p FROM generate_series(1, 1000) g; CREATE INDEX ON places USING gist (p); SET enable_seqscan = off; SELECT count(*) FROM places WHERE p && ST_MakeEnvelope(1, 1, 10, 10)"
sql control -c "ALTER SYSTEM SET appinfra.allowed_extensions = '+postgis'" -c 'SELECT pg_reload_conf()' >/dev/null
sql control -c "SELECT FROM appinfra.provision_tenant('app-d', 'u@example.com', 'd', publish => false)" >/dev/null
shows 'postgis is installed for a tenant' '^$' sql control -c "SELECT appinfra.install_extension(db_id, 'postgis') FROM appinfra.databases WHERE app_id = 'app-d'"
url=$(sql control -c "SELECT url FROM appinfra.databases d, appinfra.issue_credential(d.db_id, 'owner') WHERE app_id = 'app-d'")
shows 'the tenant works with it' '^10$' as_server env PGOPTIONS='-c search_path=public,extensions' "$bindir/psql" -X -q -At -d "$url" -c "CREATE TABLE places AS SELECT ST_MakePoint(g, g) AS p FROM generate_series(1, 1000) g; CREATE INDEX ON places USING gist (p); SET enable_seqscan = off; SELECT count(*) FROM places WHERE p && ST_MakeEnvelope(1, 1, 10, 10)"
shows 'pg_repack can be created' '^$' sql app_c -c 'CREATE EXTENSION pg_repack'
repack=$(dirname "$("$root/tools/find-pg-config")")/pg_repack
[ -x "$repack" ] || repack=/usr/lib/postgresql/$major/bin/pg_repack
shows 'it repacks a table on which no function of a tenant stands' 'INFO: repacking table "public.plain"$' \
    as_server "$repack" -h "$work" -p "$port" -U postgres -d app_c -t public.plain
shows 'the rows are there' '^1000$' sql app_c -c 'SELECT count(*) FROM plain'
shows 'and one with a CHECK, which it does not evaluate' 'INFO: repacking table "public.checked"$' \
    as_server "$repack" -h "$work" -p "$port" -U postgres -d app_c -t public.checked
shows 'it refuses one with an index on a function' 'permission denied to tenants: function positive' \
    as_server "$repack" -h "$work" -p "$port" -U postgres -d app_c -t public.indexed
shows 'all rows are there' '^1000 1000$' sql app_c -c "SELECT (SELECT count(*) FROM checked) || ' ' || (SELECT count(*) FROM indexed)"
shows 'VACUUM FULL does it' '^$' sql app_c -c 'VACUUM FULL indexed'
echo "companions: $passed passed, $failed failed"
[ "$failed" = 0 ]
