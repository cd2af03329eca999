/*
 * The control database, while it is not there yet.
 *
 * A process that enters a database that does not exist ends, and the server's log names the
 * database but not the setting. So the scheduler, which the postmaster starts again and again, says
 * once a minute what to do, and looks from outside until the database has come.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::control_database
{

/* Adds its segment of shared memory. Called once, by _PG_init. */
void define();

/*
 * Enters the control database, as worker::begin() does. Where it was missing last time, waits in no
 * database until it is there, and ends the process, which can enter only one.
 */
void begin();

} // namespace appinfra::control_database
