/* The scripts of hardening. See hardening_script.hpp. */
#include "guard/hardening_script.hpp"

#include "base/identifiers.hpp"
#include "base/query.hpp"
#include "base/refusal.hpp"
#include "guard/pooler.hpp"
#include "guard/source_rules.hpp"

namespace appinfra::hardening
{

static const char *revoke_functions();
static char *with_roles(const char *sql, const char *name);

/* In pg_catalog, where pg_dump leaves them out. */
static constexpr char session_functions[] = R"sql(
CREATE OR REPLACE FUNCTION pg_catalog.tenant_sessions()
    RETURNS TABLE (pid int, username name, access text, application_name text, client_addr inet,
                   backend_start timestamptz, xact_start timestamptz, query_start timestamptz,
                   state_change timestamptz, wait_event_type text, wait_event text, state text,
                   query text)
    LANGUAGE c VOLATILE AS '$libdir/appinfra', 'appinfra_tenant_sessions';
COMMENT ON FUNCTION pg_catalog.tenant_sessions() IS
    'the sessions of this database''s logins; query only for owners and for sessions of the same login';

DO $$ BEGIN -- hardening 1 had them; nobody may execute them
    DROP FUNCTION IF EXISTS pg_catalog.tenant_check_session(int);
    DROP FUNCTION IF EXISTS pg_catalog.tenant_access(oid);
EXCEPTION WHEN dependent_objects_still_exist THEN NULL;
END $$;

CREATE OR REPLACE FUNCTION pg_catalog.tenant_cancel_session(pid int) RETURNS boolean
    LANGUAGE c VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS '$libdir/appinfra', 'appinfra_tenant_cancel_session';
COMMENT ON FUNCTION pg_catalog.tenant_cancel_session(int) IS
    'cancels the query of a session of this database. 42501 for any other';

CREATE OR REPLACE FUNCTION pg_catalog.tenant_terminate_session(pid int) RETURNS boolean
    LANGUAGE c VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS '$libdir/appinfra', 'appinfra_tenant_terminate_session';
COMMENT ON FUNCTION pg_catalog.tenant_terminate_session(int) IS
    'ends a session of this database. 42501 for any other';

CREATE OR REPLACE FUNCTION pg_catalog.tenant_statements()
    RETURNS TABLE (userid oid, dbid oid, toplevel boolean, queryid bigint, query text,
                   plans bigint, total_plan_time float8, min_plan_time float8, max_plan_time float8,
                   mean_plan_time float8, stddev_plan_time float8, calls bigint,
                   total_exec_time float8, min_exec_time float8, max_exec_time float8,
                   mean_exec_time float8, stddev_exec_time float8, rows bigint,
                   shared_blks_hit bigint, shared_blks_read bigint, shared_blks_dirtied bigint,
                   shared_blks_written bigint, local_blks_hit bigint, local_blks_read bigint,
                   local_blks_dirtied bigint, local_blks_written bigint, temp_blks_read bigint,
                   temp_blks_written bigint, blk_read_time float8, blk_write_time float8,
                   wal_records bigint, wal_fpi bigint, wal_bytes numeric)
    LANGUAGE c VOLATILE AS '$libdir/appinfra', 'appinfra_tenant_statements';
COMMENT ON FUNCTION pg_catalog.tenant_statements() IS
    'pg_stat_statements of this database: for owners all roles of the tenant, for others their own. 55000 where it is not loaded';

CREATE OR REPLACE FUNCTION pg_catalog.tenant_extensions()
    RETURNS TABLE (name text, default_version text, installed boolean, installed_by text)
    LANGUAGE c VOLATILE AS '$libdir/appinfra', 'appinfra_tenant_extensions';
COMMENT ON FUNCTION pg_catalog.tenant_extensions() IS
    'extensions that tenants may have: by their own CREATE EXTENSION, or installed by the platform';

CREATE OR REPLACE FUNCTION pg_catalog.tenant_set(name text, value text) RETURNS void
    LANGUAGE c VOLATILE AS '$libdir/appinfra', 'appinfra_tenant_set';
COMMENT ON FUNCTION pg_catalog.tenant_set(text, text) IS
    'sets what sessions of this database''s logins, present and later ones, start with. For owners; 42501 for what superusers or the host set, 42704 and 22023 as SET';

CREATE OR REPLACE FUNCTION pg_catalog.tenant_reset(name text) RETURNS void
    LANGUAGE c VOLATILE AS '$libdir/appinfra', 'appinfra_tenant_reset';
COMMENT ON FUNCTION pg_catalog.tenant_reset(text) IS
    'takes back what tenant_set() has set. For owners')sql";

/* No SECURITY DEFINER: it is in C and reads what it needs. The role is missing after a restore. */
static constexpr char pooler_function[] = R"sql(
CREATE OR REPLACE FUNCTION pg_catalog.)sql" POOLER_FUNCTION R"sql((username text)
    RETURNS TABLE (usename name, passwd text)
    LANGUAGE c VOLATILE STRICT AS '$libdir/appinfra', ')sql" POOLER_FUNCTION R"sql(';
COMMENT ON FUNCTION pg_catalog.)sql" POOLER_FUNCTION R"sql((text) IS
    'the verifier of a login of this database that may log in now, for a pooler. 42501 for anybody but the login )sql" POOLER_ROLE
                                          R"sql(';
REVOKE ALL ON FUNCTION pg_catalog.)sql" POOLER_FUNCTION R"sql((text) FROM PUBLIC;
DO $$ BEGIN
    IF to_regrole(')sql" POOLER_ROLE R"sql(') IS NOT NULL THEN
        GRANT EXECUTE ON FUNCTION pg_catalog.)sql" POOLER_FUNCTION R"sql((text) TO )sql" POOLER_ROLE
                                          R"sql(;
    END IF;
END $$)sql";

/* What makes a copy of the template somebody's shell. {access} stands for a group role. */
static constexpr char dress_script[] = R"sql(
DO $$ BEGIN
    IF to_regnamespace('public') IS NULL THEN
        RETURN; -- a tenant may have dropped it
    END IF;
    ALTER SCHEMA public OWNER TO {owner};
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
    GRANT USAGE ON SCHEMA public TO {writer}, {reader}, {service};
END $$;
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT USAGE ON SCHEMAS TO {writer}, {reader}, {service};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner}
    GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO {writer}, {service};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT ON TABLES TO {reader};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner}
    GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO {writer}, {service};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT ON SEQUENCES TO {reader};
GRANT EXECUTE ON FUNCTION pg_catalog.lo_create(oid), pg_catalog.lo_creat(integer),
    pg_catalog.lo_from_bytea(oid, bytea) TO {owner})sql";

void
check_event_triggers()
{
    static constexpr char select[] = "SELECT t.evtname FROM ONLY pg_catalog.pg_event_trigger t"
                                     "  JOIN ONLY pg_catalog.pg_proc p ON p.oid = t.evtfoid"
                                     "  JOIN ONLY pg_catalog.pg_authid o ON o.oid = p.proowner"
                                     " WHERE t.evtenabled <> 'D' AND NOT o.rolsuper LIMIT 1";

    query::Rows rows = query::execute(select);
    if (rows.count > 0)
        raise(refuse(
            ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            psprintf("event trigger \"%s\" would run code that is no superuser's", rows.text(0, 1)),
            nullptr, "Drop it."));
}

void
put_back(const char *script)
{
    query::execute(script);
}

void
harden_catalogs()
{
    query::execute(revoke_functions());
    query::execute(session_functions);
    query::execute(pooler_function);
}

void
dress(const char *name)
{
    query::execute(with_roles(dress_script, name));
}

/*
 * Returns the script that takes from PUBLIC what no tenant may execute, by source, and making large
 * objects, by name (owners get that back). So it holds for every overload, and for majors that lack
 * one.
 */
static const char *
revoke_functions()
{
    StringInfoData script;

    initStringInfo(&script);
    appendStringInfoString(&script, R"sql(
DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT p.oid FROM ONLY pg_catalog.pg_proc p JOIN ONLY pg_catalog.pg_language l ON l.oid = p.prolang
         WHERE p.pronamespace = 'pg_catalog'::regnamespace AND l.lanname IN ('internal', 'c')
           AND (p.proname IN ('lo_create', 'lo_creat', 'lo_from_bytea') OR p.prosrc IN ()sql");
    const char *separator = "";
    for (const guard::SourceRule &rule : guard::source_rules())
        for (const char *source : rule.sources) {
            appendStringInfo(&script, "%s%s", separator, quote_literal_cstr(source));
            separator = ", ";
        }
    appendStringInfoString(&script, R"sql())
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
    END LOOP;
END $$)sql");
    return script.data;
}

/* Returns the script with the names of the database's group roles, quoted, for {owner} and the
 * rest.
 */
static char *
with_roles(const char *sql, const char *name)
{
    StringInfoData text;

    initStringInfo(&text);
    while (*sql != '\0') {
        size_t plain = strcspn(sql, "{");

        appendBinaryStringInfo(&text, sql, plain);
        sql += plain;
        if (*sql == '{') {
            size_t length = strcspn(sql, "}");

            appendStringInfoString(&text, quote_identifier(identifiers::group_role(
                                              name, pnstrdup(sql + 1, length - 1))));
            sql += length + 1;
        }
    }
    return text.data;
}

} // namespace appinfra::hardening
