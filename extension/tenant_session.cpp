/*
 * The functions by which a tenant's login cancels and ends sessions of its own tenant.
 *
 * In C, because no tenant may execute core's, whatever the current role is. They go by labels: an
 * owner signals any session of its tenant, other logins those of the same access.
 */
#include "label.hpp"
#include "refusal.hpp"

using namespace appinfra;

extern "C" {
SQL_FUNCTION(appinfra_tenant_cancel_session);
SQL_FUNCTION(appinfra_tenant_terminate_session);
}

static void check_session(int pid);
static bool may_signal(int pid);

Datum
appinfra_tenant_cancel_session(PG_FUNCTION_ARGS)
{
    Datum pid = PG_GETARG_DATUM(0);

    check_session(DatumGetInt32(pid));
    return DirectFunctionCall1(pg_cancel_backend, pid);
}

Datum
appinfra_tenant_terminate_session(PG_FUNCTION_ARGS)
{
    Datum pid = PG_GETARG_DATUM(0);

    check_session(DatumGetInt32(pid));
    return DirectFunctionCall2(pg_terminate_backend, pid, Int64GetDatum(0));
}

/* Raises unless whoever logged in here may signal the session. */
static void
check_session(int pid)
{
    if (!may_signal(pid))
        raise(refuse(ERRCODE_INSUFFICIENT_PRIVILEGE,
                     psprintf("session %d is not one you may signal", pid), nullptr,
                     "SELECT * FROM tenant_sessions(): owners may signal all of them, other logins "
                     "those of the same access."));
}

/* Tells whether both are logins of one tenant in this database, and this one's access suffices. */
static bool
may_signal(int pid)
{
    const PGPROC *process = BackendPidGetProc(pid);
    label::Label mine;
    label::Label other;

    if (process == nullptr || process->databaseId != MyDatabaseId)
        return false;
    if (!label::of_role(GetAuthenticatedUserId(), &mine) ||
        !label::of_role(process->roleId, &other))
        return false;
    return strcmp(mine.kind, "login") == 0 && strcmp(other.kind, "login") == 0 &&
           strcmp(mine.db_id, other.db_id) == 0 &&
           (strcmp(mine.detail, "owner") == 0 || strcmp(mine.detail, other.detail) == 0);
}
