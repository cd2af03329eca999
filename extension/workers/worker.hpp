/*
 * Workers: the scheduler, the builder, the janitor, and setup workers.
 *
 * The *scheduler* is the one static worker: it runs a table of short periodic tasks in the control
 * database and keeps the next two running while they have something to do. The *builder* creates
 * databases; the *janitor* drops roles and databases, and renames them; both take long. A *setup
 * worker* enters one database that admits nobody, does one transaction there, and ends. All start
 * only after recovery, so a standby has none. A *visitor* does the same for any caller (visit.hpp).
 */
#pragma once

#include "workers/setup.hpp"

namespace appinfra::worker
{

/* Registers the scheduler. Called once, by _PG_init. */
void define();

/* Starts a dynamic worker of ours; null when no slot is free. */
BackgroundWorkerHandle *start(const char *name, const char *entry_point,
                              const void *extra = nullptr, size_t extra_size = 0);

/* Starts a visitor (visit.hpp), on a standby as well if wanted; null when no slot is free. */
BackgroundWorkerHandle *start_visitor(const void *extra, size_t extra_size, bool on_standby);

/* Has a setup worker carry out the order and waits for it. Raises what went wrong there. */
void do_in_database(const setup::Order &order);

/* Does what every worker does first: signals, a connection by name or OID, reset_session(). */
void begin(const char *database, Oid database_oid);

/*
 * Enrolls this process as the worker; false when the last one has not ended yet. The scheduler may
 * have been restarted and know nothing of it, and two would undo each other's unfinished work.
 */
bool become(wakeup::Worker worker);

/* Overrides what ALTER DATABASE or ALTER ROLE made of this session. */
void reset_session();

/* Waits for the latch or the time-out and takes in interrupts; true when settings were reloaded. */
bool wait(long milliseconds);

} // namespace appinfra::worker

/* Entry points of the processes. */
extern "C" {
PGDLLEXPORT void appinfra_scheduler_main(Datum argument);
PGDLLEXPORT void appinfra_builder_main(Datum argument);
PGDLLEXPORT void appinfra_janitor_main(Datum argument);
PGDLLEXPORT void appinfra_setup_main(Datum argument);
}
