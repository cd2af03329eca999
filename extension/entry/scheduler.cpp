/* Runs the table of periodic tasks. See scheduler.hpp. */
#include "entry/scheduler.hpp"

#include "audit/host_watch.hpp"
#include "audit/seals.hpp"
#include "audit/writer.hpp"
#include "base/installation.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "delivery/timeline.hpp"
#include "guard/watchdog.hpp"
#include "pool/shell.hpp"
#include "shmem/wakeup.hpp"
#include "tenant/revocation.hpp"
#include "tenant/rotation.hpp"
#include "workers/worker.hpp"

namespace appinfra::scheduler
{

using wakeup::Work;

/* One round through the tasks. */
struct Turn {
    Work work;  /* what has come up */
    bool asked; /* what the control database has of the extension */
    installation::Version version;
};

/* A task runs when its time has come, or when its kind of work has come up. */
struct Task {
    long interval_ms;
    Work work;
    bool (*run)(Turn &turn); /* true: run it again at once */
    bool in_registry = true; /* there is nothing to do for it without the extension */
};

/* A worker that the scheduler keeps running while there is something for it to do. */
struct Kept {
    wakeup::Worker worker;
    const char *name;
    const char *entry_point;
    BackgroundWorkerHandle *handle; /* null when it has ended */
    bool was_dropped;               /* the extension came or went: tell the worker when it starts */
};

static bool watch_tenants(Turn &turn);
static bool notify_sidecars(Turn &turn);
static bool write_events(Turn &turn);
static bool watch_host(Turn &turn);
static bool seal_audit(Turn &turn);
static bool remove_old_audit(Turn &turn);
static bool end_sessions(Turn &turn);
static bool follow_logins(Turn &turn);
static bool retire_due(Turn &turn);
static bool settle_timeline(Turn &turn);
static bool rotate_due(Turn &turn);
static bool keep_builder(Turn &turn);
static bool keep_janitor(Turn &turn);
static bool keep(Kept *kept, bool (*is_needed)(Turn &), Turn &turn);
static bool needs_builder(Turn &turn);
static bool needs_janitor(Turn &turn);
static bool is_installed(Turn &turn);
static installation::Version version(Turn &turn);
static void tell_of_other(installation::Version found);
static long run_due_tasks(TimestampTz *due);

constexpr long at_once_ms = 20;
constexpr int restart_seconds = 2; /* after which one that ended is started again */

constexpr Task tasks[] = {
    {.interval_ms = watchdog::interval_ms,
     .work = Work::none,
     .run = watch_tenants,
     .in_registry = false},
    {.interval_ms = 60 * 1000, .work = Work::install, .run = settle_timeline},
    {.interval_ms = 400, .work = Work::events, .run = write_events},
    {.interval_ms = 1000, .work = Work::credentials, .run = end_sessions},
    {.interval_ms = 1000, .work = Work::credentials, .run = follow_logins},
    {.interval_ms = 1000, .work = Work::credentials, .run = retire_due},
    {.interval_ms = 30 * 1000, .work = Work::publications, .run = notify_sidecars},
    {.interval_ms = 5 * 1000,
     .work = Work::pool | Work::install,
     .run = keep_builder,
     .in_registry = false},
    {.interval_ms = 5 * 1000,
     .work = Work::housekeeping,
     .run = keep_janitor,
     .in_registry = false},
    {.interval_ms = 5 * 1000, .work = Work::none, .run = rotate_due},
    {.interval_ms = 2 * 1000, .work = Work::install, .run = watch_host},
    {.interval_ms = 5 * 1000, .work = Work::none, .run = seal_audit},
    {.interval_ms = 60 * 1000, .work = Work::none, .run = remove_old_audit},
};

static Kept builder = {wakeup::Worker::builder, "builder", "appinfra_builder_main", nullptr, false};
static Kept janitor = {wakeup::Worker::janitor, "janitor", "appinfra_janitor_main", nullptr, false};
static bool swept; /* a builder has looked for leftovers since the start */

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

            /* one that fails must not keep the others from running */
            attempt(CurrentMemoryContext,
                    [&] { again = (!task.in_registry || is_installed(turn)) && task.run(turn); });

            due[index] = TimestampTzPlusMilliseconds(now, again ? at_once_ms : task.interval_ms);
        }
        next = Min(next, TimestampDifferenceMilliseconds(now, due[index]));
        index++;
    }
    return Max(next, 1);
}

static bool
watch_tenants(Turn &)
{
    return watchdog::look();
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
        "    OR (status = 'claimed' AND lease_until < clock_timestamp()) LIMIT 1"};

    in_transaction([](MemoryContext) {
        if (query::run(pending).count > 0)
            Async_Notify("appinfra_publication", "");
    });
    return false;
}

/* Writes what was reported into the audit log; true when more waits. */
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
settle_timeline(Turn &)
{
    timeline::settle();
    return false;
}

static bool
rotate_due(Turn &)
{
    rotation::rotate_due();
    return false;
}

static bool
keep_builder(Turn &turn)
{
    if (overlap(turn.work, Work::install)) {
        swept = false;
        builder.was_dropped = true;
    }
    swept = keep(&builder, needs_builder, turn) || swept;
    return false;
}

static bool
keep_janitor(Turn &turn)
{
    keep(&janitor, needs_janitor, turn);
    return false;
}

/* Wakes the worker if it runs, or starts it if it is needed; true when it was started. */
static bool
keep(Kept *kept, bool (*is_needed)(Turn &), Turn &turn)
{
    pid_t pid;

    if (kept->handle != nullptr && GetBackgroundWorkerPid(kept->handle, &pid) == BGWH_STOPPED) {
        pfree(kept->handle);
        kept->handle = nullptr;
    }
    if (kept->handle != nullptr || wakeup::is_running(kept->worker)) {
        wakeup::wake(kept->worker);
        return false;
    }
    if (!is_needed(turn))
        return false;
    in_context(TopMemoryContext, [&] {
        kept->handle = worker::start({.name = kept->name,
                                      .entry_point = kept->entry_point,
                                      .extra = &kept->was_dropped,
                                      .extra_size = sizeof(kept->was_dropped),
                                      .on_standby = false});
    });
    /* tenants may hold all slots just now; the next round tries again */
    if (kept->handle == nullptr)
        ereport(LOG, (errmsg("no background worker slot is free for the appinfra %s", kept->name),
                      errhint("Raise max_worker_processes.")));
    else
        kept->was_dropped = false;
    return kept->handle != nullptr;
}

/* Tells whether shells are missing or unfinished. After a start, leftovers are looked for in any
 * case. */
static bool
needs_builder(Turn &turn)
{
    static query::Query unfinished = {
        "SELECT EXISTS (SELECT FROM appinfra.shell WHERE status = 'planned')"
        "    OR NOT EXISTS (SELECT FROM appinfra.template WHERE ready)"};
    bool needed = true;

    if (version(turn) == installation::Version::other)
        return false;
    if (!swept)
        return true;
    if (!is_installed(turn))
        return false;
    in_transaction(
        [&](MemoryContext) { needed = query::run(unfinished).boolean(0, 1) || shell::is_short(); });
    return needed;
}

/* Tells whether a role or a tenant is to be taken away now. */
static bool
needs_janitor(Turn &turn)
{
    static query::Query due = {
        "SELECT EXISTS (SELECT FROM appinfra.credential WHERE state = 'revoked'"
        "                  AND sessions_ended_at IS NOT NULL AND try_at <= clock_timestamp())"
        "    OR EXISTS (SELECT FROM appinfra.tenant WHERE try_at <= clock_timestamp()"
        "                  AND (status IN ('retiring', 'dropping')"
        "                    OR (status = 'retained' AND retained_until <= clock_timestamp())))"};
    bool needed = false;

    if (!is_installed(turn))
        return false;
    in_transaction([&](MemoryContext) { needed = query::run(due).boolean(0, 1); });
    return needed;
}

/* Tells whether the extension is installed, and of this library's version. */
static bool
is_installed(Turn &turn)
{
    return version(turn) == installation::Version::ours;
}

/* Returns what there is of the extension. It is asked once a turn, by the first who wants to know.
 */
static installation::Version
version(Turn &turn)
{
    if (!turn.asked) {
        turn.version = installation::current().version;
        tell_of_other(turn.version);
    }
    turn.asked = true;
    return turn.version;
}

/* Writes into the server's log, once, that nothing is done because of the extension's version. */
static void
tell_of_other(installation::Version found)
{
    static bool told;
    bool other = found == installation::Version::other;

    if (other && !told)
        ereport(WARNING,
                (errmsg("appinfra does nothing: the extension in database \"%s\" is not of "
                        "the version of its library",
                        settings::control_database),
                 errhint("Run ALTER EXTENSION appinfra UPDATE there.")));
    told = other;
}

} // namespace appinfra::scheduler

using namespace appinfra;

/* The process. An error ends it; the postmaster starts it again. */
void
appinfra_scheduler_main(Datum)
{
    TimestampTz due[lengthof(scheduler::tasks)] = {};

    worker::begin(settings::control_database, InvalidOid);
    /* it never waits long for anybody's transaction: what is locked is looked at again */
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
