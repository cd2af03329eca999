/* Makes rows of sessions. See session_row.hpp. */
#include "entry/session_row.hpp"

namespace appinfra::session_row
{

static Datum address_of(const PgBackendStatus *status, bool *null);
static const char *state_of(const PgBackendStatus *status);

void
add(ReturnSetInfo *result, const PgBackendStatus *status, const label::Label &label, bool shows)
{
    Datum values[13];
    bool nulls[13] = {};
    const PGPROC *process = BackendPidGetProc(status->st_procpid);
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

} // namespace appinfra::session_row
