/* The scheduler: a table of short tasks. See worker.hpp. */
#include "worker.hpp"

#include "query.hpp"
#include "scope.hpp"
#include "settings.hpp"
#include "shared.hpp"
#include "shell.hpp"

namespace appinfra::worker
{

/* A task runs when its time has come, or when its kind of work has come up. */
struct Task {
    long interval_ms;
    unsigned work;
    void (*run)(unsigned work); /* what has come up */
};

static void notify_sidecars(unsigned work);
static void keep_builder(unsigned work);
static bool needs_builder();
static long run_due_tasks(TimestampTz *due);

constexpr Task tasks[] = {
    {.interval_ms = 30 * 1000, .work = shared::work_publications, .run = notify_sidecars},
    {.interval_ms = 5 * 1000,
     .work = shared::work_pool | shared::work_install,
     .run = keep_builder},
};

static BackgroundWorkerHandle *builder; /* null when it has ended */
static bool swept;                      /* a builder has looked for leftovers since the start */

/* Runs every task that is due and returns the milliseconds until the next is. */
static long
run_due_tasks(TimestampTz *due)
{
    unsigned work = shared::take_work();
    long next = tasks[0].interval_ms;
    int index = 0;

    for (const Task &task : tasks) {
        TimestampTz now = GetCurrentTimestamp();

        if ((task.work & work) != 0 || due[index] <= now) {
            due[index] = TimestampTzPlusMilliseconds(now, task.interval_ms);
            task.run(work);
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
static void
notify_sidecars(unsigned)
{
    static query::Query pending = {
        "SELECT FROM appinfra.publication WHERE status = 'pending' LIMIT 1"};

    if (!OidIsValid(installation()))
        return;
    attempt(CurrentMemoryContext, [] {
        in_transaction([](MemoryContext) {
            if (query::run(pending) > 0)
                Async_Notify("appinfra_publication", "");
        });
    });
}

/* Starts the builder when there is something to build, or wakes it. */
static void
keep_builder(unsigned work)
{
    pid_t pid;

    if ((work & shared::work_install) != 0)
        swept = false;
    if (builder != nullptr && GetBackgroundWorkerPid(builder, &pid) == BGWH_STOPPED) {
        pfree(builder);
        builder = nullptr;
    }
    if (builder != nullptr) {
        shared::wake(shared::Worker::builder);
    } else if (needs_builder()) {
        /* no free slot: tenants may hold them all just now; the next round tries again */
        in_context(TopMemoryContext, [] { builder = start("builder", "appinfra_builder_main"); });
        if (builder == nullptr)
            ereport(LOG, (errmsg("no background worker slot is free for the appinfra builder"),
                          errhint("Raise max_worker_processes.")));
        swept = swept || builder != nullptr;
    }
}

/* Tells whether shells are missing or unfinished. After a start, leftovers are looked for in any case. */
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

} // namespace appinfra::worker

using namespace appinfra;

/* The process. An error ends it; the postmaster starts it again. */
void
appinfra_scheduler_main(Datum)
{
    TimestampTz due[lengthof(worker::tasks)] = {};

    worker::begin(settings::control_database, InvalidOid);
    shared::enroll(shared::Worker::scheduler);
    MemoryContext turn = AllocSetContextCreate(TopMemoryContext, "appinfra scheduler turn",
                                               ALLOCSET_DEFAULT_SIZES);
    for (;;) {
        long next = 0;

        in_context(turn, [&] { next = worker::run_due_tasks(due); });
        MemoryContextReset(turn);
        pgstat_report_stat(true);
        if (worker::wait(next))
            shared::add_work(shared::work_pool); /* pool_size may have grown */
    }
}
