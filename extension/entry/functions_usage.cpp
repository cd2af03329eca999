/*
 * The SQL entry points that show what goes on in a tenant's database, thin: its sessions, of which
 * one can be ended, and its statements. What each does, and its errors, stand in its COMMENT.
 */
#include "audit/audit.hpp"
#include "base/installation.hpp"
#include "base/scope.hpp"
#include "entry/arguments.hpp"
#include "entry/session_row.hpp"
#include "entry/statement_rows.hpp"
#include "registry/owned.hpp"
#include "registry/tenant.hpp"
#include "shmem/sessions.hpp"

using namespace appinfra;
using namespace appinfra::arguments;

extern "C" {
SQL_FUNCTION(appinfra_sessions);
SQL_FUNCTION(appinfra_terminate_session);
SQL_FUNCTION(appinfra_statements);
}

static Oid database_argument(FunctionCallInfo fcinfo, const char **db_id);
static bool is_login_of(Oid role, const char *db_id, label::Label *label);
static bool end_session(const char *db_id, int pid, TimestampTz started);
static TimestampTz start_of(int pid);
static bool is_tenants_role(Oid role, const label::Label &mine);

Datum
appinfra_sessions(PG_FUNCTION_ARGS)
{
    const char *db_id;
    Oid database = database_argument(fcinfo, &db_id);
    ReturnSetInfo *result = begin_set(fcinfo, "sessions()");
    label::Label label;

    for (int i = 1; i <= pgstat_fetch_stat_numbackends(); i++) {
        const PgBackendStatus *status = pg::backend_status(i);

        if (status != nullptr && OidIsValid(database) && status->st_databaseid == database &&
            is_login_of(status->st_userid, db_id, &label))
            session_row::add(result, status, label, true);
    }
    return static_cast<Datum>(0);
}

Datum
appinfra_terminate_session(PG_FUNCTION_ARGS)
{
    const char *db_id;

    database_argument(fcinfo, &db_id);
    require_argument(fcinfo, 1, "pid");
    require_argument(fcinfo, 2, "started");
    PG_RETURN_BOOL(end_session(db_id, PG_GETARG_INT32(1), PG_GETARG_TIMESTAMPTZ(2)));
}

Datum
appinfra_statements(PG_FUNCTION_ARGS)
{
    const char *db_id;
    Oid database = database_argument(fcinfo, &db_id);
    label::Label whose = {};

    strlcpy(whose.db_id, db_id, sizeof(whose.db_id));
    statement_rows::add(fcinfo, "statements()", database, is_tenants_role, whose);
    return static_cast<Datum>(0);
}

/* Returns the database of the tenant that the first argument names; raises 42704 for none. */
static Oid
database_argument(FunctionCallInfo fcinfo, const char **db_id)
{
    Oid database = InvalidOid;

    installation::require_ours();
    *db_id = text_argument(fcinfo, 0, "db_id");
    with_spi([&](MemoryContext) {
        (void)tenant::read_ownership(*db_id);
        database = owned::database_of(*db_id);
    });
    return database;
}

static bool
is_login_of(Oid role, const char *db_id, label::Label *label)
{
    return label::of_role(role, label) && label::is_login(*label) &&
           strcmp(label->db_id, db_id) == 0;
}

/* Asks a session of the tenant's logins to end, if it is the one that began then. */
static bool
end_session(const char *db_id, int pid, TimestampTz started)
{
    label::Label label;

    for (const sessions::TenantProcess &process : sessions::tenant_processes()) {
        if (process.pid != pid || strcmp(process.db_id, db_id) != 0 ||
            !is_login_of(process.login, db_id, &label) || start_of(pid) != started)
            continue;
        with_spi([&](MemoryContext) {
            audit::record("terminate_session", db_id, process.username,
                          audit::detail({{"pid", psprintf("%d", pid)}}));
        });
        sessions::end_at_commit(process);
        return true;
    }
    return false;
}

/* Returns when the process began; 0: there is none. */
static TimestampTz
start_of(int pid)
{
    pgstat_clear_backend_activity_snapshot();
    for (int i = 1; i <= pgstat_fetch_stat_numbackends(); i++) {
        const PgBackendStatus *status = pg::backend_status(i);

        if (status != nullptr && status->st_procpid == pid)
            return status->st_proc_start_timestamp;
    }
    return 0;
}

static bool
is_tenants_role(Oid role, const label::Label &mine)
{
    label::Label other;

    return label::of_role(role, &other) && strcmp(other.db_id, mine.db_id) == 0;
}
