/* Starts workers, enters databases, waits, and runs the loop of a worker. See worker.hpp. */
#include "workers/worker.hpp"

#include "base/installation.hpp"
#include "base/lock.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"

namespace appinfra::worker
{

static void set_internal(const char *name, const char *value);

constexpr long idle_ms = 30 * 1000; /* how long a worker with nothing to do stays */

BackgroundWorker
describe(const char *name, const char *entry_point)
{
    BackgroundWorker worker = {};

    snprintf(worker.bgw_name, BGW_MAXLEN, "appinfra %s", name);
    snprintf(worker.bgw_type, BGW_MAXLEN, "appinfra %s", name);
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    strlcpy(worker.bgw_library_name, "appinfra", BGW_MAXLEN);
    strlcpy(worker.bgw_function_name, entry_point, BGW_MAXLEN);
    return worker;
}

BackgroundWorkerHandle *
start(const Start &start)
{
    BackgroundWorker worker = describe(start.name, start.entry_point);
    BackgroundWorkerHandle *handle = nullptr;

    if (start.on_standby)
        worker.bgw_start_time = BgWorkerStart_ConsistentState;
    worker.bgw_restart_time = BGW_NEVER_RESTART;
    worker.bgw_notify_pid = MyProcPid;
    if (start.extra_size > 0)
        memcpy(worker.bgw_extra, start.extra, start.extra_size);
    return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : nullptr;
}

void
begin(const char *database, Oid database_oid)
{
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    if (database != nullptr)
        BackgroundWorkerInitializeConnection(database, nullptr, BGWORKER_BYPASS_ALLOWCONN);
    else
        BackgroundWorkerInitializeConnectionByOid(database_oid, InvalidOid,
                                                  BGWORKER_BYPASS_ALLOWCONN);
    reset_session();
}

bool
become(wakeup::Worker worker)
{
    bool alone = false;

    in_transaction([&](MemoryContext) {
        alone = lock::try_keep(lock::Kind::worker, psprintf("%d", static_cast<int>(worker)));
    });
    if (alone)
        wakeup::enroll(worker);
    return alone;
}

void
run_while_needed(const Loop &loop)
{
    begin(settings::control_database, InvalidOid);
    TimestampTz last_work = GetCurrentTimestamp();
    if (!become(loop.worker))
        return;
    MemoryContext turn_context =
        AllocSetContextCreate(TopMemoryContext, "appinfra worker turn", ALLOCSET_DEFAULT_SIZES);
    for (;;) {
        MemoryContextSwitchTo(turn_context);
        MemoryContextReset(turn_context);
        pgstat_report_stat(true);
        CHECK_FOR_INTERRUPTS();
        installation::Installation found = installation::current();
        if (found.version == installation::Version::other)
            return; /* what its registry knows can be told when it is updated */
        if (loop.begin_turn != nullptr)
            loop.begin_turn(found.extension);
        if (found.version == installation::Version::none)
            return;
        bool worked = loop.work();
        if (worked)
            last_work = GetCurrentTimestamp();
        else if (TimestampDifferenceExceeds(last_work, GetCurrentTimestamp(), idle_ms))
            return;
        wait(worked ? 0 : loop.pause_ms); /* a busy one hears of new settings, too */
    }
}

void
reset_session()
{
    for (const char *name : {"statement_timeout", "transaction_timeout",
                             "idle_in_transaction_session_timeout", "idle_session_timeout"})
        set_internal(name, "0");
    set_internal("lock_timeout", "10s");
    set_internal("role", "none");
    set_internal("search_path", "pg_catalog, pg_temp");
    set_internal("session_replication_role", "origin");
    set_internal("default_transaction_read_only", "off");
    set_internal("default_transaction_isolation", "read committed");
    set_internal("default_tablespace", "");
    set_internal("row_security", "off");
    /* without statistics of what they look at, plans seem to be worth it */
    set_internal("jit", "off");
    set_internal("max_parallel_workers_per_gather", "0");
    set_internal("constraint_exclusion", "off"); /* would fold what a tenant wrote into a CHECK */
}

bool
wait(long milliseconds)
{
    bool reloaded = false;

    WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds,
              PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    if (ConfigReloadPending) {
        ConfigReloadPending = false;
        ProcessConfigFile(PGC_SIGHUP);
        reloaded = true;
    }
    return reloaded;
}

/* Sets a parameter of this session, over what the database or the role may say. */
static void
set_internal(const char *name, const char *value)
{
    if (GetConfigOption(name, true, false) != nullptr) /* a later major may have it */
        SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

} // namespace appinfra::worker
