/*
 * The scheduler: a static worker. It runs a table of short periodic tasks in the control database,
 * and keeps the builder, the janitor and the inspector running while they have something to do.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::scheduler
{

/* Registers the worker. Called once, by _PG_init. */
void define();

} // namespace appinfra::scheduler

extern "C" {
PGDLLEXPORT void appinfra_scheduler_main(Datum argument);
}
