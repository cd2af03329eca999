/*
 * Host watch: records that the guard was switched, and that the server ran without this library.
 *
 * An operator who restarts the server may start it without the library: no hook then refuses or
 * records anything. Afterwards it shows. Whenever the server stops, this leaves beside the control
 * file what the control file says; a server that ran in between has changed that. Not seen is a run
 * that ended in a crash, after one with the library that did, too.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::host_watch
{

/* Registers a hook that looks at what the last run has left. Called once, by _PG_init. */
void define();

/* Records what is new since the last look. For the scheduler. */
void look();

} // namespace appinfra::host_watch
