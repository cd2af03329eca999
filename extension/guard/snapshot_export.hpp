/*
 * Exported snapshots: who may export them, and how many.
 *
 * Each is a file of the server until its transaction ends, and one statement can make any number.
 * A parallel pg_dump needs one; it is the owner's, or that of a service. The guard is asked before
 * an expression with the function is run, not before each call: so it counts again when the
 * statement is over, and the watchdog ends who does not come to that.
 */
#pragma once

#include "guard/watched.hpp"

namespace appinfra::guard
{

/* Registers a hook at the end of statements. Called once, by guard::define(). */
void define_snapshot_export();

/* Refuses, before the function is run, to export one snapshot too many, or one at all. */
void check_snapshot_export();

/* Refuses what the statement that is just over has exported, if it is too much. */
void check_exported_snapshots();

} // namespace appinfra::guard

namespace appinfra::watchdog
{

/* Ends the sessions that have exported too many. For the watchdog. */
void end_exporters(std::span<Use> uses);

} // namespace appinfra::watchdog
