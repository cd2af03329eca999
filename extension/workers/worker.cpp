/* What all workers share: starting, waiting, entering a database. See worker.hpp. */
#include "workers/worker.hpp"

#include "base/lock.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "shmem/wakeup.hpp"
#include "workers/setup.hpp"

namespace appinfra::worker
{

static void describe(BackgroundWorker *worker, const char *name, const char *entry_point);
static void prepare_dynamic(BackgroundWorker *worker, const void *extra, size_t extra_size);
static void set_internal(const char *name, const char *value);

/* Seconds after which a scheduler that ended is started again. */
constexpr int restart_seconds = 2;

void
define()
{
    BackgroundWorker worker;

    describe(&worker, "scheduler", "appinfra_scheduler_main");
    worker.bgw_restart_time = restart_seconds;
    RegisterBackgroundWorker(&worker);
}

BackgroundWorkerHandle *
start(const char *name, const char *entry_point, const void *extra, size_t extra_size)
{
    BackgroundWorker worker;
    BackgroundWorkerHandle *handle = nullptr;

    describe(&worker, name, entry_point);
    prepare_dynamic(&worker, extra, extra_size);
    return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : nullptr;
}

BackgroundWorkerHandle *
start_visitor(const void *extra, size_t extra_size, bool on_standby)
{
    BackgroundWorker worker;
    BackgroundWorkerHandle *handle = nullptr;

    describe(&worker, "visitor", "appinfra_visit_main");
    if (on_standby)
        worker.bgw_start_time = BgWorkerStart_ConsistentState;
    prepare_dynamic(&worker, extra, extra_size);
    return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : nullptr;
}

void
do_in_database(const setup::Order &order)
{
    wakeup::reset_job(order.orderer);
    BackgroundWorkerHandle *handle = start("setup", "appinfra_setup_main", &order, sizeof(order));
    if (handle == nullptr)
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
                        errmsg("no background worker slot is free"),
                        errhint("Raise max_worker_processes.")));
    if (WaitForBackgroundWorkerShutdown(handle) == BGWH_POSTMASTER_DIED)
        proc_exit(1);
    wakeup::JobOutcome outcome = wakeup::job_outcome(order.orderer);
    if (!outcome.done)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
                        errmsg("the worker that sets up a database ended before it was done"),
                        errhint("The server log says why.")));
    if (outcome.code != 0)
        ereport(ERROR, (errcode(outcome.code), errmsg("%s", outcome.message)));
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

/* Fills in what all our workers have in common. */
static void
describe(BackgroundWorker *worker, const char *name, const char *entry_point)
{
    memset(worker, 0, sizeof(*worker));
    snprintf(worker->bgw_name, BGW_MAXLEN, "appinfra %s", name);
    snprintf(worker->bgw_type, BGW_MAXLEN, "appinfra %s", name);
    worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
    strlcpy(worker->bgw_library_name, "appinfra", BGW_MAXLEN);
    strlcpy(worker->bgw_function_name, entry_point, BGW_MAXLEN);
}

/* Fills in what a worker has that somebody starts and waits for. */
static void
prepare_dynamic(BackgroundWorker *worker, const void *extra, size_t extra_size)
{
    worker->bgw_restart_time = BGW_NEVER_RESTART;
    worker->bgw_notify_pid = MyProcPid;
    if (extra_size > 0)
        memcpy(worker->bgw_extra, extra, extra_size);
}

/* Sets a parameter of this session, over what the database or the role may say. */
static void
set_internal(const char *name, const char *value)
{
    if (GetConfigOption(name, true, false) != nullptr) /* a later major may have it */
        SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

} // namespace appinfra::worker
