/* Has a turn each second. See meter.hpp. */
#include "usage/meter.hpp"

#include "base/installation.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "usage/measure.hpp"
#include "usage/record.hpp"
#include "usage/watch.hpp"
#include "workers/worker.hpp"

namespace appinfra::meter
{

constexpr long turn_ms = 1000;

static bool wait();
static void turn(bool reload);

/* Returns whether somebody has woken this process, or settings have changed. */
static bool
wait()
{
    int why = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, turn_ms,
                        PG_WAIT_EXTENSION);

    return worker::wait(0) || (why & WL_LATCH_SET) != 0;
}

static void
turn(bool reload)
{
    static TimestampTz recorded_at;
    TimestampTz now = GetCurrentTimestamp();

    pgstat_clear_snapshot();
    pgstat_clear_backend_activity_snapshot();
    if (reload)
        usage::reload();
    std::span<sessions::TenantProcess> processes = sessions::tenant_processes();
    usage::take_in_sessions(processes);
    usage::measure();
    usage::watch_limits(processes);
    if (recorded_at > now || now - recorded_at >= settings::usage_interval * USECS_PER_SEC) {
        recorded_at = now;
        usage::record_round(processes);
    }
}

} // namespace appinfra::meter

using namespace appinfra;

/* The process. What fails in a turn is tried again in the next. */
void
appinfra_meter_main(Datum)
{
    bool reload = true;

    worker::begin(settings::control_database, InvalidOid);
    if (!worker::become(wakeup::Worker::meter))
        return;
    SetConfigOption("lock_timeout", "100ms", PGC_SUSET, PGC_S_OVERRIDE);
    SetConfigOption("stats_fetch_consistency", "none", PGC_SUSET, PGC_S_OVERRIDE);
    MemoryContext context =
        AllocSetContextCreate(TopMemoryContext, "appinfra meter turn", ALLOCSET_DEFAULT_SIZES);
    for (;;) {
        MemoryContextSwitchTo(context);
        MemoryContextReset(context);
        CHECK_FOR_INTERRUPTS();
        if (installation::current().version != installation::Version::ours)
            return;
        /* after a failure the registry is read again, for the memory may lack something */
        bool failed = attempt(context, [&] { meter::turn(reload); }) != nullptr;
        pgstat_report_stat(true);
        reload = meter::wait() || failed;
    }
}
