/* Runs the watchdog. See watchdog_worker.hpp. */
#include "entry/watchdog_worker.hpp"

#include "base/scope.hpp"
#include "guard/watchdog.hpp"
#include "workers/worker.hpp"

namespace appinfra::watchdog_worker
{

constexpr int restart_seconds = 1; /* after its end, until the postmaster starts it again */
constexpr long at_once_ms = 20;

void
define()
{
    BackgroundWorker worker = worker::describe("watchdog", "appinfra_watchdog_main");

    worker.bgw_restart_time = restart_seconds;
    RegisterBackgroundWorker(&worker);
}

} // namespace appinfra::watchdog_worker

using namespace appinfra;

/* The process. An error ends it; the postmaster starts it again. */
void
appinfra_watchdog_main(Datum)
{
    worker::begin(nullptr, InvalidOid);
    MemoryContext turn =
        AllocSetContextCreate(TopMemoryContext, "appinfra watchdog turn", ALLOCSET_DEFAULT_SIZES);
    for (;;) {
        bool again = false;

        in_context(turn, [&] { again = watchdog::look(); });
        MemoryContextReset(turn);
        worker::wait(again ? watchdog_worker::at_once_ms : watchdog::interval_ms);
    }
}
