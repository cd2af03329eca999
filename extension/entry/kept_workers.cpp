/* Keeps the builder, the janitor, the meter and the inspector running. See kept_workers.hpp. */
#include "entry/kept_workers.hpp"

#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "exposure/kept.hpp"
#include "pool/shell.hpp"
#include "workers/worker.hpp"

namespace appinfra::scheduler
{

/* One of them. */
struct KeptWorker {
    wakeup::Worker worker;
    const char *name;
    const char *entry_point;
    BackgroundWorkerHandle *handle; /* null when it has ended */
    bool was_dropped;               /* the extension came or went: tell the worker when it starts */
};

static bool keep(KeptWorker *kept, bool (*is_needed)(Turn &), Turn &turn);
static bool needs_builder(Turn &turn);
static bool needs_janitor(Turn &turn);
static bool needs_meter(Turn &turn);
static bool needs_inspector(Turn &turn);

static KeptWorker builder = {wakeup::Worker::builder, "builder", "appinfra_builder_main", nullptr,
                             false};
static KeptWorker janitor = {wakeup::Worker::janitor, "janitor", "appinfra_janitor_main", nullptr,
                             false};
static KeptWorker meter = {wakeup::Worker::meter, "meter", "appinfra_meter_main", nullptr, false};
static KeptWorker inspector = {wakeup::Worker::inspector, "inspector", "appinfra_inspector_main",
                               nullptr, false};
static bool swept; /* a builder has looked for leftovers since the start */

bool
keep_builder(Turn &turn)
{
    if (overlap(turn.work, wakeup::Work::install)) {
        swept = false;
        builder.was_dropped = true;
    }
    swept = keep(&builder, needs_builder, turn) || swept;
    return false;
}

bool
keep_janitor(Turn &turn)
{
    keep(&janitor, needs_janitor, turn);
    return false;
}

/* What runs is woken, and reads the registry again. */
bool
keep_meter(Turn &turn)
{
    keep(&meter, needs_meter, turn);
    return false;
}

bool
keep_inspector(Turn &turn)
{
    keep(&inspector, needs_inspector, turn);
    return false;
}

/* Wakes the worker if it runs, or starts it if it is needed; true when it was started. */
static bool
keep(KeptWorker *kept, bool (*is_needed)(Turn &), Turn &turn)
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

/* Tells whether shells are missing, unfinished or too many. After a start, leftovers are looked for
 * in any case. */
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
    if (!is_ours(turn))
        return false;
    in_transaction([&](MemoryContext) {
        needed =
            query::run(unfinished).boolean(0, 1) || shell::has_deficit() || shell::has_surplus();
    });
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

    if (!is_ours(turn))
        return false;
    in_transaction([&](MemoryContext) { needed = query::run(due).boolean(0, 1); });
    return needed;
}

static bool
needs_meter(Turn &turn)
{
    return is_ours(turn);
}

/* Tells whether a look is due. It reads every tenant, and so it does not ask each second. */
static bool
needs_inspector(Turn &turn)
{
    static TimestampTz asked_at;
    TimestampTz now = GetCurrentTimestamp();
    int pause_seconds = Min(settings::exposures_interval / 10, 30);
    bool needed = false;

    if (settings::exposures_interval == 0 || !is_ours(turn) ||
        (!overlap(turn.work, wakeup::Work::exposures) && now >= asked_at &&
         !TimestampDifferenceExceeds(asked_at, now, pause_seconds * 1000)))
        return false;
    asked_at = now;
    in_transaction([&](MemoryContext) { needed = exposure::kept::has_due(); });
    return needed;
}

} // namespace appinfra::scheduler
