#!/usr/bin/env bash
# Proves that check-docs.py finds what it is there for: plants each fault in a copy of the documents
# and of the sources that it reads. The last line is "docs: N passed, N failed".
# shellcheck disable=SC2016 # a $ in what sed does is the last line
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d "${TMPDIR:-/tmp}/appinfra-docs.XXXXXX")
trap 'rm -rf "$copy"' EXIT
passed=0
failed=0

# A fresh copy of what the check reads.
fresh() {
    rm -rf "${copy:?}/tree"
    mkdir "$copy/tree"
    (cd "$root" && find . \( -path ./.git -o -path ./build \) -prune -o -name '*.?pp' -print -o -name '*.md' -print -o -path './docs/*.json' -print -o -path './docs/*.svg' -print \
        -o -name '*.sql' -path './sql/install/*' -print -o -name LICENSE -print -o -path ./Makefile -print -o -name '*.control' -print) |
        (cd "$root" && xargs cp --parents -t "$copy/tree")
}

# $1: what is planted; $2: what the complaint has to say; $3: a file; $4: what sed does to it.
expect() {
    local complaint
    sed -i -E "$4" "$copy/tree/$3"
    if cmp -s "$copy/tree/$3" "$root/$3"; then
        echo "check-docs-test: $1 was not planted"
        failed=$((failed + 1))
    elif complaint=$("$root/tools/check-docs.py" "$copy/tree" 2>&1); then
        echo "check-docs-test: $1 is not found"
        failed=$((failed + 1))
    elif grep -qxF -- "check-docs: $2" <<<"$complaint"; then
        passed=$((passed + 1))
    else
        echo "check-docs-test: $1: the complaint does not say \"$2\" but: $complaint"
        failed=$((failed + 1))
    fi
    cp "$root/$3" "$copy/tree/$3"
}

version=$(sed -nE "s/^default_version = '([^']+)'.*/\1/p" "$root/control/appinfra.control")
sql=sql/install/appinfra--$version.sql

fresh
"$root/tools/check-docs.py" "$copy/tree"
expect "a new function" "docs/sql.md: lacks the function grow_tenant" \
    "$sql" '$aCREATE FUNCTION appinfra.grow_tenant(db_id text) RETURNS void;'
expect "a new argument" "docs/sql.md: exposures(db_idtext=NULL) is exposures(db_idtext=NULL,agetext)" \
    "$sql" 's/(FUNCTION appinfra\.exposures\(db_id text = NULL)\)$/\1, age text)/'
expect "a function that is gone" "docs/sql.md: the function set_rotation is not in the sources" \
    "$sql" 's/CREATE FUNCTION appinfra\.set_rotation/DROP FUNCTION appinfra.set_rotation/'
expect "a new view" "docs/sql.md: lacks the view neighbours" \
    "$sql" '$aCREATE VIEW appinfra.neighbours AS SELECT 1;'
expect "a new role" "docs/sql.md: lacks the role appinfra_guest" \
    "$sql" '$aGRANT USAGE ON SCHEMA appinfra TO appinfra_guest;'
expect "a new function for tenants" "docs/sql.md: lacks the function for tenants tenant_sleep" \
    extension/guard/hardening_script.cpp '$aCREATE OR REPLACE FUNCTION pg_catalog.tenant_sleep()'
expect "a new setting" "docs/settings.md: lacks the setting appinfra.colour" \
    extension/base/settings.cpp '$aDefineCustomIntVariable("appinfra.colour", "");'
expect "a new rule of the guard" "docs/guard.md: lacks the rule copy_air" \
    extension/guard/statement.cpp 's/\{"copy_file", "It/{"copy_air", "It/'
expect "a rule without a hint" "extension/guard/hint.cpp: lacks the hint of rule copy_file" \
    extension/guard/hint.cpp 's/\{"copy_file", /{"copy_air", /'
expect "a rule of the guard that is gone" "docs/guard.md: the rule login_reserve is not in the sources" \
    extension/guard/login.cpp 's/"login_reserve"/"login_spare"/'
expect "a new rule of the watchdog" "docs/guard.md: lacks the rule noise" \
    extension/guard/watchdog.cpp 's/(end_most\(.*)"lock_table"/\1"noise"/'
expect "a new exposure" "docs/operations.md: lacks the exposure open_door" \
    extension/exposure/roles.cpp "s/SELECT 'high', 'tablespace_owner'/SELECT 'high', 'open_door'/"
expect "an exposure that is gone" "docs/operations.md: the exposure not_looked_at is not in the sources" \
    extension/exposure/exposure.cpp 's/"not_looked_at"/"not_seen"/'
expect "a new action of the audit" "docs/audit.md: lacks the action paint_shell" \
    extension/pool/builder.cpp '$arecord("paint_shell"'
expect "a new option" "docs/sidecar.md: lacks the option colour" \
    sidecar/daemon/server_options.cpp 's/^( *\{")listen"/\1colour"/'
expect "another default" "docs/sidecar.md: --poll is APPINFRA_POLL, default 6s" \
    sidecar/daemon/option_rows.cpp 's/"APPINFRA_POLL", "5s"/"APPINFRA_POLL", "6s"/'
expect "another variable" "docs/sidecar.md: --poll is APPINFRA_PULL, default 5s" \
    sidecar/daemon/option_rows.cpp 's/"APPINFRA_POLL"/"APPINFRA_PULL"/'
expect "a new rule of check-env" "docs/check-env.md: lacks the rule ugly_name" \
    sidecar/check_env/finding.hpp 's/"same_user"/"ugly_name"/'
expect "a new route" "docs/api.md: lacks the route POST /paint" \
    sidecar/rest/routes.cpp 's|\{"POST", "/mcp"|{"POST", "/paint"|'
expect "a new code" "docs/api.md: lacks the code unpainted" \
    sidecar/rest/api.cpp 's/429, "rate_limited"/429, "unpainted"/'
expect "a new metric" "docs/api.md: lacks the metric appinfra_colours" \
    sidecar/rest/metrics.cpp 's/"appinfra_claims"/"appinfra_colours"/'
expect "a new tool" "docs/api.md: lacks the tool paint_app_database" \
    sidecar/mcp/tools.cpp 's/\{"check_app_database"/{"paint_app_database"/'
expect "a new answer to the producer" "docs/producer.md: lacks the answer 418" \
    docs/producer.openapi.json 's/"425": \{/"418": {}, "425": {/'
expect "a new field of the request" "docs/producer.md: lacks the field colour" \
    sidecar/delivery/publication.cpp '$aput("colour", 1);'
expect "a new command" "CONTRIBUTING.md: lacks the command paint" \
    Makefile '$apaint: ## paint it'
expect "sources that cannot be read" "setting: only 30 were found in the sources" \
    extension/base/settings.cpp 's/Variable\(/Variables(/'
expect "a link to nowhere" "README.md: the link docs/paint.md leads nowhere" \
    README.md '$aSee [the paint](docs/paint.md).'
expect "a link to no heading" "docs/audit.md: the link sql.md#paint leads to no heading" \
    docs/audit.md '$aSee [the paint](sql.md#paint).'
expect "a document that the README does not name" "README.md: does not lead to docs/api.md" \
    README.md 's|docs/api\.md|docs/guard.md|g'
expect "a long README" "README.md: has 450 lines, 250 or more" \
    README.md "\$a$(printf 'x\\n%.0s' $(seq $((449 - $(wc -l <"$root/README.md")))))x"

echo "docs: $passed passed, $failed failed"
[ "$failed" = 0 ]
