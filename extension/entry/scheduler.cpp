/* Runs the table of periodic tasks. See scheduler.hpp. */
#include "entry/scheduler.hpp"

#include "audit/host_watch.hpp"
#include "audit/seals.hpp"
#include "audit/writer.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "bucket/retention.hpp"
#include "delivery/timeline.hpp"
#include "entry/kept_workers.hpp"
#include "gateway/keys.hpp"
#include "registry/call.hpp"
#include "shmem/wakeup.hpp"
#include "tenant/expiry.hpp"
#include "tenant/renamed.hpp"
#include "tenant/republication.hpp"
#include "tenant/revocation.hpp"
#include "tenant/rotation.hpp"
#include "tenant/temporary_tables.hpp"
#include "workers/control_database.hpp"
#include "workers/worker.hpp"

namespace appinfra::scheduler
{

using wakeup::Work;

/* A task runs when its time has come, or when its kind of work has come up. */
struct Task {
    long interval_ms;
    Work work;
    bool (*run)(Turn &turn); /* true: run it again at once */
    bool in_registry = true; /* there is nothing to do for it without the extension */
};

static bool notify_sidecars(Turn &turn);
static bool write_events(Turn &turn);
static bool watch_host(Turn &turn);
static bool seal_audit(Turn &turn);
static bool remove_old_audit(Turn &turn);
static bool end_sessions(Turn &turn);
static bool follow_logins(Turn &turn);
static bool retire_due(Turn &turn);
static bool follow_names(Turn &turn);
static bool settle_timeline(Turn &turn);
static bool follow_expiries(Turn &turn);
static bool rotate_due(Turn &turn);
static bool republish_stale(Turn &turn);
static bool follow_buckets(Turn &turn);
static bool look_at_temporary_tables(Turn &turn);
static bool follow_revoked_keys(Turn &turn);
static bool record_calls(Turn &turn);
static bool remove_calls(Turn &turn);
static long run_due_tasks(TimestampTz *due);

constexpr long at_once_ms = 20;
constexpr int restart_seconds = 2; /* after its end, until the postmaster starts it again */

constexpr Task tasks[] = {
    {.interval_ms = 5 * 1000, .work = Work::install, .run = settle_timeline},
    {.interval_ms = 400, .work = Work::events, .run = write_events},
    {.interval_ms = 1000, .work = Work::credentials, .run = end_sessions},
    {.interval_ms = 1000, .work = Work::credentials, .run = follow_logins},
    {.interval_ms = 1000, .work = Work::credentials, .run = retire_due},
    {.interval_ms = 5 * 1000, .work = Work::none, .run = follow_names},
    {.interval_ms = 30 * 1000, .work = Work::publications, .run = notify_sidecars},
    {.interval_ms = 5 * 1000,
     .work = Work::pool | Work::install,
     .run = keep_builder,
     .in_registry = false},
    {.interval_ms = 5 * 1000,
     .work = Work::housekeeping,
     .run = keep_janitor,
     .in_registry = false},
    {.interval_ms = 5 * 1000, .work = Work::limits, .run = keep_meter, .in_registry = false},
    {.interval_ms = 5 * 1000, .work = Work::none, .run = follow_expiries},
    {.interval_ms = 1000, .work = Work::exposures, .run = keep_inspector},
    {.interval_ms = 5 * 1000, .work = Work::none, .run = rotate_due},
    {.interval_ms = 1000, .work = Work::credentials, .run = republish_stale},
    {.interval_ms = 1000, .work = Work::credentials, .run = follow_buckets},
    {.interval_ms = 5 * 1000, .work = Work::none, .run = look_at_temporary_tables},
    {.interval_ms = 1000, .work = Work::keys, .run = follow_revoked_keys},
    {.interval_ms = 60 * 1000, .work = Work::none, .run = record_calls},
    {.interval_ms = 60 * 1000, .work = Work::none, .run = remove_calls},
    {.interval_ms = 2 * 1000, .work = Work::install, .run = watch_host},
    {.interval_ms = 5 * 1000, .work = Work::none, .run = seal_audit},
    {.interval_ms = 60 * 1000, .work = Work::none, .run = remove_old_audit},
};

void
define()
{
    BackgroundWorker worker = worker::describe("scheduler", "appinfra_scheduler_main");

    worker.bgw_restart_time = restart_seconds;
    RegisterBackgroundWorker(&worker);
}

/* Runs every task that is due and returns the milliseconds until the next is. */
static long
run_due_tasks(TimestampTz *due)
{
    Turn turn = {.work = wakeup::take_work(), .asked = false, .version = {}};
    long next = 60 * 1000;
    int index = 0;

    for (const Task &task : tasks) {
        TimestampTz now = GetCurrentTimestamp();

        /* a due time further off than the interval: somebody has set the clock back */
        if (overlap(task.work, turn.work) || due[index] <= now ||
            due[index] > TimestampTzPlusMilliseconds(now, task.interval_ms)) {
            bool again = false;

            /* a task that fails must not keep the others from running */
            attempt(CurrentMemoryContext,
                    [&] { again = (!task.in_registry || is_ours(turn)) && task.run(turn); });

            due[index] = TimestampTzPlusMilliseconds(now, again ? at_once_ms : task.interval_ms);
        }
        next = Min(next, TimestampDifferenceMilliseconds(now, due[index]));
        index++;
    }
    return Max(next, 1);
}

/*
 * Tells sidecars that there is something to claim. In a transaction of its own, whose failure (a
 * full NOTIFY queue) does no harm: sidecars also poll.
 */
static bool
notify_sidecars(Turn &)
{
    static query::Query pending = {
        "SELECT FROM appinfra.publication WHERE status = 'pending'"
        "    OR (status = 'claimed' AND lease_until < clock_timestamp())"
        " UNION ALL SELECT FROM appinfra.bucket WHERE generation > done_generation LIMIT 1"};

    in_transaction([](MemoryContext) {
        if (query::run(pending).count == 0)
            return;
        Async_Notify("appinfra_publication", "");
        /* nobody waits for the disk: a notification that a crash loses is of no use to anybody */
        set_config_option("synchronous_commit", "off", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL,
                          true, 0, false);
    });
    return false;
}

/* Writes reported events into the audit log; true when more of them wait. */
static bool
write_events(Turn &)
{
    return events::writer::write(false);
}

static bool
watch_host(Turn &)
{
    host_watch::look();
    return false;
}

static bool
seal_audit(Turn &)
{
    return seals::seal_next();
}

static bool
remove_old_audit(Turn &)
{
    return seals::remove_old();
}

/* Ends sessions of revoked credentials; true while there are any to end. */
static bool
end_sessions(Turn &)
{
    return revocation::end_sessions();
}

static bool
follow_logins(Turn &)
{
    revocation::follow_logins();
    return false;
}

static bool
retire_due(Turn &)
{
    revocation::retire_due();
    return false;
}

static bool
follow_names(Turn &)
{
    renamed::follow();
    return false;
}

static bool
settle_timeline(Turn &)
{
    timeline::settle();
    return false;
}

/* Tells of databases that expire, and takes away those that have. */
static bool
follow_expiries(Turn &)
{
    return expiry::follow();
}

static bool
rotate_due(Turn &)
{
    rotation::rotate_due();
    return false;
}

static bool
republish_stale(Turn &)
{
    republication::follow();
    return false;
}

static bool
follow_buckets(Turn &)
{
    bucket_retention::follow();
    return false;
}

/* Takes longer only while a session has kept a temporary table for very long. */
static bool
look_at_temporary_tables(Turn &)
{
    temporary_tables::look();
    return false;
}

/* Tells gateways of revoked keys; true while calls of such a key are ending. */
static bool
follow_revoked_keys(Turn &)
{
    return keys::follow_revoked();
}

/* Writes down what became of calls, before their ids are too old to be asked for. */
static bool
record_calls(Turn &)
{
    bool more = false;

    in_transaction([&](MemoryContext) { more = call::record_outcomes(); });
    return more;
}

static bool
remove_calls(Turn &)
{
    bool more = false;

    in_transaction([&](MemoryContext) { more = call::remove_expired(); });
    return more;
}

} // namespace appinfra::scheduler

using namespace appinfra;

/* The process. An error ends it; the postmaster starts it again. */
void
appinfra_scheduler_main(Datum)
{
    TimestampTz due[lengthof(scheduler::tasks)] = {};

    control_database::begin();
    /* it never waits long for anybody's transaction: it looks at a locked row again later */
    SetConfigOption("lock_timeout", "100ms", PGC_SUSET, PGC_S_OVERRIDE);
    wakeup::enroll(wakeup::Worker::scheduler);
    events::writer::write_at_exit();
    MemoryContext turn =
        AllocSetContextCreate(TopMemoryContext, "appinfra scheduler turn", ALLOCSET_DEFAULT_SIZES);
    for (;;) {
        long next = 0;

        in_context(turn, [&] { next = scheduler::run_due_tasks(due); });
        MemoryContextReset(turn);
        pgstat_report_stat(true);
        if (worker::wait(next))
            wakeup::add_work(wakeup::Work::pool); /* pool_size may have grown */
    }
}
