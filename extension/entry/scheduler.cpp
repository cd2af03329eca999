/* The scheduler: a table of short tasks. See worker.hpp. */
#include "workers/worker.hpp"

#include "audit/host_watch.hpp"
#include "audit/seals.hpp"
#include "audit/writer.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "delivery/timeline.hpp"
#include "guard/watchdog.hpp"
#include "pool/shell.hpp"
#include "shmem/wakeup.hpp"
#include "tenant/revocation.hpp"
#include "tenant/rotation.hpp"

namespace appinfra::worker
{

/* A task runs when its time has come, or when its kind of work has come up. */
struct Task {
    long interval_ms;
    unsigned work;
    bool (*run)(unsigned work); /* what has come up; true: run it again at once */
    bool in_registry = true;    /* there is nothing to do for it without the extension */
};

/* A worker that the scheduler keeps running while there is something for it to do. */
struct Kept {
    shared::Worker worker;
    const char *name;
    const char *entry_point;
    BackgroundWorkerHandle *handle; /* null when it has ended */
    bool was_dropped;               /* the extension came or went: tell the worker when it starts */
};

static bool watch_tenants(unsigned work);
static bool notify_sidecars(unsigned work);
static bool write_events(unsigned work);
static bool watch_host(unsigned work);
static bool seal_audit(unsigned work);
static bool remove_old_audit(unsigned work);
static bool look_after_credentials(unsigned work);
static bool settle_timeline(unsigned work);
static bool rotate_due(unsigned work);
static bool keep_builder(unsigned work);
static bool keep_janitor(unsigned work);
static bool keep(Kept *kept, bool (*is_needed)());
static bool needs_builder();
static bool needs_janitor();
static long run_due_tasks(TimestampTz *due);

constexpr long at_once_ms = 20;

constexpr Task tasks[] = {
    {.interval_ms = watchdog::interval_ms, .work = 0, .run = watch_tenants, .in_registry = false},
    {.interval_ms = 60 * 1000, .work = shared::work_install, .run = settle_timeline},
    {.interval_ms = 400, .work = shared::work_events, .run = write_events},
    {.interval_ms = 1000, .work = shared::work_credentials, .run = look_after_credentials},
    {.interval_ms = 30 * 1000, .work = shared::work_publications, .run = notify_sidecars},
    {.interval_ms = 5 * 1000,
     .work = shared::work_pool | shared::work_install,
     .run = keep_builder,
     .in_registry = false},
    {.interval_ms = 5 * 1000,
     .work = shared::work_housekeeping,
     .run = keep_janitor,
     .in_registry = false},
    {.interval_ms = 5 * 1000, .work = 0, .run = rotate_due},
    {.interval_ms = 2 * 1000, .work = shared::work_install, .run = watch_host},
    {.interval_ms = 5 * 1000, .work = 0, .run = seal_audit},
    {.interval_ms = 60 * 1000, .work = 0, .run = remove_old_audit},
};

static Kept builder = {shared::Worker::builder, "builder", "appinfra_builder_main", nullptr, false};
static Kept janitor = {shared::Worker::janitor, "janitor", "appinfra_janitor_main", nullptr, false};
static bool swept; /* a builder has looked for leftovers since the start */

/* Runs every task that is due and returns the milliseconds until the next is. */
static long
run_due_tasks(TimestampTz *due)
{
    unsigned work = shared::take_work();
    long next = 60 * 1000;
    int index = 0;

    for (const Task &task : tasks) {
        TimestampTz now = GetCurrentTimestamp();

        /* a due time further off than the interval: somebody has set the clock back */
        if ((task.work & work) != 0 || due[index] <= now ||
            due[index] > TimestampTzPlusMilliseconds(now, task.interval_ms)) {
            bool again = false;

            /* one that fails must not keep the others from running */
            attempt(CurrentMemoryContext, [&] {
                again = (!task.in_registry || OidIsValid(installation())) && task.run(work);
            });

            due[index] = TimestampTzPlusMilliseconds(now, again ? at_once_ms : task.interval_ms);
        }
        next = Min(next, TimestampDifferenceMilliseconds(now, due[index]));
        index++;
    }
    return Max(next, 1);
}

static bool
watch_tenants(unsigned)
{
    return watchdog::look();
}

/*
 * Tells sidecars that there is something to claim. In a transaction of its own, whose failure (a
 * full NOTIFY queue) does no harm: sidecars also poll.
 */
static bool
notify_sidecars(unsigned)
{
    static query::Query pending = {
        "SELECT FROM appinfra.publication WHERE status = 'pending'"
        "    OR (status = 'claimed' AND lease_until < clock_timestamp()) LIMIT 1"};

    in_transaction([](MemoryContext) {
        if (query::run(pending) > 0)
            Async_Notify("appinfra_publication", "");
    });
    return false;
}

/* Writes what was reported into the audit log; true when more waits. */
static bool
write_events(unsigned)
{
    return events::writer::write(false);
}

static bool
watch_host(unsigned)
{
    host_watch::look();
    return false;
}

static bool
seal_audit(unsigned)
{
    return seals::seal_next();
}

static bool
remove_old_audit(unsigned)
{
    return seals::remove_old();
}

/* Follows first logins, retires what is due and ends sessions; true while there are any to end. */
static bool
look_after_credentials(unsigned)
{
    revocation::follow_logins();
    revocation::retire_due();
    return revocation::end_sessions();
}

static bool
settle_timeline(unsigned)
{
    timeline::settle();
    return false;
}

static bool
rotate_due(unsigned)
{
    rotation::rotate_due();
    return false;
}

static bool
keep_builder(unsigned work)
{
    if ((work & shared::work_install) != 0) {
        swept = false;
        builder.was_dropped = true;
    }
    swept = keep(&builder, needs_builder) || swept;
    return false;
}

static bool
keep_janitor(unsigned)
{
    keep(&janitor, needs_janitor);
    return false;
}

/* Wakes the worker if it runs, or starts it if it is needed; true when it was started. */
static bool
keep(Kept *kept, bool (*is_needed)())
{
    pid_t pid;

    if (kept->handle != nullptr && GetBackgroundWorkerPid(kept->handle, &pid) == BGWH_STOPPED) {
        pfree(kept->handle);
        kept->handle = nullptr;
    }
    if (kept->handle != nullptr || shared::is_running(kept->worker)) {
        shared::wake(kept->worker);
        return false;
    }
    if (!is_needed())
        return false;
    in_context(TopMemoryContext, [&] {
        kept->handle =
            start(kept->name, kept->entry_point, &kept->was_dropped, sizeof(kept->was_dropped));
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
needs_builder()
{
    static query::Query unfinished = {
        "SELECT EXISTS (SELECT FROM appinfra.shell WHERE status = 'planned')"
        "    OR NOT EXISTS (SELECT FROM appinfra.template WHERE ready)"};
    bool needed = true;

    if (!swept)
        return true;
    if (!OidIsValid(installation()))
        return false;
    in_transaction([&](MemoryContext) {
        query::run(unfinished);
        needed = query::bool_at(0, 1) || shell::is_short();
    });
    return needed;
}

/* Tells whether a role or a tenant is to be taken away now. */
static bool
needs_janitor()
{
    static query::Query due = {
        "SELECT EXISTS (SELECT FROM appinfra.credential WHERE state = 'revoked'"
        "                  AND sessions_ended_at IS NOT NULL AND try_at <= clock_timestamp())"
        "    OR EXISTS (SELECT FROM appinfra.tenant WHERE try_at <= clock_timestamp()"
        "                  AND (status IN ('retiring', 'dropping')"
        "                    OR (status = 'retained' AND retained_until <= clock_timestamp())))"};
    bool needed = false;

    if (!OidIsValid(installation()))
        return false;
    in_transaction([&](MemoryContext) {
        query::run(due);
        needed = query::bool_at(0, 1);
    });
    return needed;
}

} // namespace appinfra::worker

using namespace appinfra;

/* The process. An error ends it; the postmaster starts it again. */
void
appinfra_scheduler_main(Datum)
{
    TimestampTz due[lengthof(worker::tasks)] = {};

    worker::begin(settings::control_database, InvalidOid);
    /* it never waits long for anybody's transaction: what is locked is looked at again */
    SetConfigOption("lock_timeout", "100ms", PGC_SUSET, PGC_S_OVERRIDE);
    shared::enroll(shared::Worker::scheduler);
    events::writer::write_at_exit();
    MemoryContext turn =
        AllocSetContextCreate(TopMemoryContext, "appinfra scheduler turn", ALLOCSET_DEFAULT_SIZES);
    for (;;) {
        long next = 0;

        in_context(turn, [&] { next = worker::run_due_tasks(due); });
        MemoryContextReset(turn);
        pgstat_report_stat(true);
        if (worker::wait(next))
            shared::add_work(shared::work_pool); /* pool_size may have grown */
    }
}
