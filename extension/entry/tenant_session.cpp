/*
 * The functions by which a tenant's login sees, cancels and ends sessions of its own tenant.
 *
 * In C, because no tenant may execute core's with more than its own rights, whatever the current
 * role is. They go by labels: an owner signals any session of its tenant and sees what it runs;
 * other logins signal those of the same access, and see what their own login runs.
 */
#include "base/label.hpp"
#include "base/refusal.hpp"

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
static Datum address_of(const PgBackendStatus *status, bool *null);
static const char *state_of(const PgBackendStatus *status);

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
    Datum values[13];
    bool nulls[13] = {};
    const PGPROC *process = BackendPidGetProc(status->st_procpid);

    if (!is_of_same_tenant(status->st_userid, &label, &reaches))
        return;
    bool shows = status->st_userid == GetAuthenticatedUserId() || is_owner();
    const char *name = GetUserNameFromId(status->st_userid, true);
    const char *event = nullptr;
    const char *event_type = nullptr;
    if (process != nullptr) {
        uint32 waits_for = process->wait_event_info;
        event = pgstat_get_wait_event(waits_for);
        event_type = pgstat_get_wait_event_type(waits_for);
    }
    const char *state = state_of(status);
    auto text = [&](int column, const char *value) {
        nulls[column] = value == nullptr;
        values[column] = value != nullptr ? CStringGetTextDatum(value) : static_cast<Datum>(0);
    };
    auto time = [&](int column, TimestampTz value) {
        nulls[column] = value == 0;
        values[column] = TimestampTzGetDatum(value);
    };

    values[0] = Int32GetDatum(status->st_procpid);
    nulls[1] = name == nullptr;
    values[1] = name != nullptr ? DirectFunctionCall1(namein, CStringGetDatum(name)) : 0;
    text(2, label.detail);
    text(3, status->st_appname);
    values[4] = address_of(status, &nulls[4]);
    time(5, status->st_proc_start_timestamp);
    time(6, status->st_xact_start_timestamp);
    time(7, status->st_activity_start_timestamp);
    time(8, status->st_state_start_timestamp);
    text(9, event_type);
    text(10, event);
    text(11, state);
    text(12, shows ? pgstat_clip_activity(status->st_activity_raw) : nullptr);
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Returns the client's address as an inet; NULL for a local socket. */
static Datum
address_of(const PgBackendStatus *status, bool *null)
{
    char host[NI_MAXHOST];
    const SockAddr *address = &status->st_clientaddr;

    *null = (address->addr.ss_family != AF_INET && address->addr.ss_family != AF_INET6) ||
            pg_getnameinfo_all(&address->addr, static_cast<int>(address->salen), host, sizeof(host),
                               nullptr, 0, NI_NUMERICHOST | NI_NUMERICSERV) != 0;
    if (*null)
        return static_cast<Datum>(0);
    clean_ipv6_addr(address->addr.ss_family, host);
    return DirectFunctionCall1(inet_in, CStringGetDatum(host));
}

/* Returns the state in the words of pg_stat_activity; null when it is not known. */
static const char *
state_of(const PgBackendStatus *status)
{
    switch (status->st_state) {
    case STATE_IDLE:
        return "idle";
    case STATE_RUNNING:
        return "active";
    case STATE_IDLEINTRANSACTION:
        return "idle in transaction";
    case STATE_FASTPATH:
        return "fastpath function call";
    case STATE_IDLEINTRANSACTION_ABORTED:
        return "idle in transaction (aborted)";
    case STATE_DISABLED:
        return "disabled";
    default:
        return nullptr;
    }
}
