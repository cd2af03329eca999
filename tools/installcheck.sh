#!/usr/bin/env bash
# `make installcheck`: SQL tests, then isolation specs, against the server that PGHOST, PGPORT and
# PGUSER name. It must run with the settings of test/regress.conf and have an empty database
# contrib_regression, which is used as it is: the extension's worker is connected to it, so
# pg_regress could not drop it. Afterwards: drop the database's tenants and the extension yourself.
#   tools/installcheck.sh PG_CONFIG
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
config=${1:?pg_config}
bindir=$("$config" --bindir)
src=$(dirname "$("$config" --pgxs)")/..
cd "$root"

shown=$("$bindir/psql" -XAtq -d contrib_regression -c 'SHOW appinfra.control_database' 2>&1) || {
    echo "installcheck: $shown" >&2
    echo "installcheck: needs a running server with the settings of test/regress.conf and a database contrib_regression" >&2
    exit 1
}
[ "$shown" = contrib_regression ] || {
    echo "installcheck: appinfra.control_database is \"$shown\", not contrib_regression" >&2
    exit 1
}
if grep -q '^test:' test/schedule; then
    "$src/test/regress/pg_regress" --inputdir=. --outputdir=. --bindir="$bindir" --use-existing \
        --dbname=contrib_regression --schedule=test/schedule
fi
if compgen -G 'test/isolation/specs/*.spec' >/dev/null; then
    specs=$(basename -a -s .spec test/isolation/specs/*.spec)
    "$bindir/psql" -Xq -d contrib_regression -c 'CREATE EXTENSION IF NOT EXISTS appinfra'
    # shellcheck disable=SC2086 # a list of names
    "$src/test/isolation/pg_isolation_regress" --inputdir=test/isolation --outputdir=output_iso \
        --bindir="$bindir" --use-existing --dbname=contrib_regression $specs
fi
