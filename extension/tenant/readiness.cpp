/* Looks at the server, its settings and the transaction. See readiness.hpp. */
#include "tenant/readiness.hpp"

#include "base/security_floors.hpp"
#include "base/settings.hpp"
#include "delivery/timeline.hpp"
#include "guard/guard.hpp"

namespace appinfra::readiness
{

const Refusal *
check_transaction()
{
    if (RecoveryInProgress())
        return refuse(ERRCODE_READ_ONLY_SQL_TRANSACTION, "a standby cannot provision databases",
                      nullptr, "Connect to the primary (target_session_attrs=read-write).");
    if (XactReadOnly)
        return refuse(ERRCODE_READ_ONLY_SQL_TRANSACTION,
                      "cannot provision a database in a read-only transaction");
    if (IsolationUsesXactSnapshot())
        return refuse(
            ERRCODE_INVALID_TRANSACTION_STATE,
            "cannot provision a database in a REPEATABLE READ or SERIALIZABLE transaction",
            "A claim must see what other transactions have committed meanwhile.",
            "Use READ COMMITTED.");
    return timeline::await();
}

const Refusal *
check_host()
{
    int floor = security_floor();

    if (settings::public_host[0] == '\0')
        return refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "appinfra.public_host is not set",
                      "A DSN needs the host name by which applications reach this server.",
                      "ALTER SYSTEM SET appinfra.public_host = '...'; SELECT pg_reload_conf();");
    if (const Refusal *refusal = settings::check_public_tls(); refusal != nullptr)
        return refusal;
    if (PG_VERSION_NUM / 10000 != floor / 10000 || settings::allow_unsafe_server)
        return nullptr;
    /* the server's version, not that of the headers: they may differ by minor releases */
    int running = atoi(GetConfigOption("server_version_num", false, false));
    if (running < floor)
        return refuse(
            ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            psprintf("PostgreSQL %d.%d is too old to host tenants", running / 10000,
                     running % 10000),
            psprintf("Below %d.%d, known holes are open to them.", floor / 10000, floor % 10000),
            "Install the newest minor release and restart. On a test machine: SET "
            "appinfra.allow_unsafe_server = on.");
    return nullptr;
}

const Refusal *
check_guard()
{
    if (settings::guard != settings::guard_off)
        return nullptr;
    return refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "the guard is off",
                  "A tenant could leave its database.",
                  "ALTER SYSTEM SET appinfra.guard = 'enforce'; SELECT pg_reload_conf();");
}

const Refusal *
check_hooks()
{
    if (guard::saw_all())
        return nullptr;
    return refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "the guard's hooks are not called",
                  "Another library has put itself in front of them and does not pass calls on.",
                  "Put appinfra last in shared_preload_libraries and restart the server.");
}

int
security_floor()
{
    for (const pg::SecurityFloor &floor : pg::security_floors)
        if (floor.major == PG_VERSION_NUM / 10000)
            return floor.version_num;
    return 0;
}

} // namespace appinfra::readiness
