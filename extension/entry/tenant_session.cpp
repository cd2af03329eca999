/*
 * The functions by which a tenant's login sees, cancels and ends sessions of its own tenant.
 *
 * In C, because no tenant may execute core's with more than its own rights, whatever the current
 * role is. They go by labels: an owner signals any session of its tenant and sees what it runs;
 * other logins signal those of the same access, and see what their own login runs.
 */
#include "base/label.hpp"
#include "base/refusal.hpp"
#include "entry/session_row.hpp"

using namespace appinfra;

extern "C" {
SQL_FUNCTION(appinfra_tenant_sessions);
SQL_FUNCTION(appinfra_tenant_cancel_session);
SQL_FUNCTION(appinfra_tenant_terminate_session);
}

static void check_session(int pid);
static bool may_signal(int pid);
static bool is_of_same_tenant(Oid login, label::Label *other, bool *reaches);
static bool is_owner();
static void add_session(ReturnSetInfo *result, const PgBackendStatus *status);

Datum
appinfra_tenant_sessions(PG_FUNCTION_ARGS)
{
    InitMaterializedSRF(fcinfo, 0);
    for (int i = 1; i <= pgstat_fetch_stat_numbackends(); i++) {
        const PgBackendStatus *status = pg::backend_status(i);

        if (status != nullptr && status->st_databaseid == MyDatabaseId)
            add_session(reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo), status);
    }
    PG_RETURN_VOID();
}

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

/* Raises unless the login of this session may signal the other one. */
static void
check_session(int pid)
{
    if (!may_signal(pid))
        raise(refuse(ERRCODE_INSUFFICIENT_PRIVILEGE,
                     psprintf("session %d is not one you may signal", pid), nullptr,
                     "SELECT * FROM tenant_sessions(): owners may signal all of them, other logins "
                     "those of the same access."));
}

/* Tells whether the session is in this database and the login of this one may signal it. */
static bool
may_signal(int pid)
{
    const PGPROC *process = BackendPidGetProc(pid);
    label::Label other;
    bool reaches;

    return process != nullptr && process->databaseId == MyDatabaseId &&
           is_of_same_tenant(process->roleId, &other, &reaches) && reaches;
}

/* Tells whether both are logins of one tenant, and whether the access of this one suffices. */
static bool
is_of_same_tenant(Oid login, label::Label *other, bool *reaches)
{
    label::Label mine;

    if (!label::of_role(GetAuthenticatedUserId(), &mine) || !label::of_role(login, other) ||
        !label::is_login(mine) || !label::is_login(*other) || strcmp(mine.db_id, other->db_id) != 0)
        return false;
    *reaches = strcmp(mine.detail, "owner") == 0 || strcmp(mine.detail, other->detail) == 0;
    return true;
}

/* Tells whether the login of this session is an owner. */
static bool
is_owner()
{
    label::Label mine;

    return label::of_role(GetAuthenticatedUserId(), &mine) && strcmp(mine.detail, "owner") == 0;
}

/* Adds the row of a session, if it is one of the same tenant. */
static void
add_session(ReturnSetInfo *result, const PgBackendStatus *status)
{
    label::Label label;
    bool reaches;

    if (is_of_same_tenant(status->st_userid, &label, &reaches))
        session_row::add(result, status, label,
                         status->st_userid == GetAuthenticatedUserId() || is_owner());
}
