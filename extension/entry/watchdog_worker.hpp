/*
 * The process of the watchdog (guard/watchdog.hpp): a static worker of its own.
 *
 * Nothing else may hold it up, so it shares neither the scheduler's turn nor its transactions, and
 * is in no database: what it has to know is in shared memory.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::watchdog_worker
{

/* Registers the process. Called once, by _PG_init. */
void define();

} // namespace appinfra::watchdog_worker

extern "C" {
PGDLLEXPORT void appinfra_watchdog_main(Datum argument);
}
