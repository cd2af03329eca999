/* The setup worker. See setup.hpp. */
#include "setup.hpp"

#include "names.hpp"
#include "scope.hpp"
#include "shared.hpp"
#include "worker.hpp"

namespace appinfra::setup
{

static void carry_out(const Order &order);
static void run(const char *sql);
static char *with_roles(const char *sql, const char *shell);

/*
 * Functions that PUBLIC may execute in PostgreSQL and must not here, by name, so that it holds for
 * every overload and for majors that lack one: what writes the host's WAL, tells about it, or makes
 * large objects (owners get those back).
 */
static constexpr char revoke_functions[] = R"sql(
DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT oid FROM pg_catalog.pg_proc
         WHERE pronamespace = 'pg_catalog'::regnamespace AND proname IN (
               'pg_logical_emit_message', 'pg_available_wal_summaries', 'pg_wal_summary_contents',
               'pg_get_wal_summarizer_state', 'pg_control_system', 'pg_control_checkpoint',
               'pg_control_recovery', 'pg_control_init', 'lo_create', 'lo_creat', 'lo_from_bytea')
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
    END LOOP;
END $$)sql";

/* In pg_catalog, where pg_dump leaves them out. `access` is the third word of a login's label. */
static constexpr char session_functions[] = R"sql(
CREATE FUNCTION pg_catalog.tenant_access(login oid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT split_part(label, ' ', 3) FROM pg_shseclabel
     WHERE provider = 'appinfra' AND classoid = 'pg_authid'::regclass AND objoid = login
       AND split_part(label, ' ', 2) = 'login' $$;
REVOKE ALL ON FUNCTION pg_catalog.tenant_access(oid) FROM PUBLIC;

CREATE FUNCTION pg_catalog.tenant_sessions()
    RETURNS TABLE (pid int, username name, access text, application_name text, client_addr inet,
                   backend_start timestamptz, xact_start timestamptz, query_start timestamptz,
                   state_change timestamptz, wait_event_type text, wait_event text, state text,
                   query text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.pid, a.usename, tenant_access(a.usesysid), a.application_name, a.client_addr,
           a.backend_start, a.xact_start, a.query_start, a.state_change, a.wait_event_type,
           a.wait_event, a.state,
           CASE WHEN me.access IN ('owner', tenant_access(a.usesysid)) THEN a.query END
      FROM pg_stat_activity a
     CROSS JOIN (SELECT tenant_access(oid) AS access FROM pg_authid
                  WHERE rolname = session_user) me
     WHERE a.datname = current_database() AND tenant_access(a.usesysid) IS NOT NULL $$;
COMMENT ON FUNCTION pg_catalog.tenant_sessions() IS
    'the sessions of this database''s logins; query only for owners and for sessions of the same access';

CREATE FUNCTION pg_catalog.tenant_check_session(wanted int) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM tenant_sessions() s
      CROSS JOIN (SELECT tenant_access(oid) AS access FROM pg_authid
                   WHERE rolname = session_user) me
      WHERE s.pid = wanted AND me.access IN ('owner', s.access);
    IF NOT found THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('session %s is not one you may signal', wanted),
            HINT = 'SELECT * FROM tenant_sessions(): owners may signal all of them, other logins those of the same access.';
    END IF;
END $$;
REVOKE ALL ON FUNCTION pg_catalog.tenant_check_session(int) FROM PUBLIC;

CREATE FUNCTION pg_catalog.tenant_cancel_session(pid int) RETURNS boolean
    LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT tenant_check_session(pid);
    SELECT pg_cancel_backend(pid) $$;
COMMENT ON FUNCTION pg_catalog.tenant_cancel_session(int) IS
    'cancels the query of a session of this database. 42501 for any other';

CREATE FUNCTION pg_catalog.tenant_terminate_session(pid int) RETURNS boolean
    LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT tenant_check_session(pid);
    SELECT pg_terminate_backend(pid) $$;
COMMENT ON FUNCTION pg_catalog.tenant_terminate_session(int) IS
    'ends a session of this database. 42501 for any other')sql";

/* What makes a copy of the template somebody's shell. {access} stands for a group role. */
static constexpr char dress[] = R"sql(
ALTER SCHEMA public OWNER TO {owner};
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO {writer}, {reader}, {service};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT USAGE ON SCHEMAS TO {writer}, {reader}, {service};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner}
    GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO {writer}, {service};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT ON TABLES TO {reader};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner}
    GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO {writer}, {service};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT ON SEQUENCES TO {reader};
GRANT EXECUTE ON FUNCTION pg_catalog.lo_create(oid), pg_catalog.lo_creat(integer),
    pg_catalog.lo_from_bytea(oid, bytea) TO {owner})sql";

/* Hardens a template or dresses a shell in one transaction that can be repeated as a whole. */
static void
carry_out(const Order &order)
{
    SetConfigOption("allow_system_table_mods", "on", PGC_SUSET, PGC_S_OVERRIDE);
    binary_upgrade_record_init_privs = true;
    in_transaction([&](MemoryContext) {
        if (order.job == Job::harden_template) {
            run(revoke_functions);
            run(session_functions);
        } else {
            run(with_roles(dress, order.name));
        }
    });
}

/* Runs a script. */
static void
run(const char *sql)
{
    int result = SPI_execute(sql, false, 0);

    if (result < 0)
        elog(ERROR, "setup failed: %s", SPI_result_code_string(result));
}

/* Returns the script with the names of the shell's group roles, quoted, for {owner} and the rest.
 */
static char *
with_roles(const char *sql, const char *shell)
{
    StringInfoData text;

    initStringInfo(&text);
    while (*sql != '\0') {
        size_t plain = strcspn(sql, "{");

        appendBinaryStringInfo(&text, sql, plain);
        sql += plain;
        if (*sql == '{') {
            size_t length = strcspn(sql, "}");

            appendStringInfoString(
                &text, quote_identifier(names::group(shell, pnstrdup(sql + 1, length - 1))));
            sql += length + 1;
        }
    }
    return text.data;
}

} // namespace appinfra::setup

using namespace appinfra;

/* The process: one order, one transaction, one outcome. */
void
appinfra_setup_main(Datum)
{
    setup::Order order;

    memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(order));
    worker::begin(nullptr, order.database);
    const Failure *failure = attempt(TopMemoryContext, [&] {
        if (order.job == setup::Job::release_role)
            setup::release_role(order);
        else
            setup::carry_out(order);
    });
    if (failure == nullptr)
        shared::finish_job(order.orderer, 0, "");
    else
        shared::finish_job(order.orderer, failure->code, failure->message);
}
