/*
 * Temporary tables: how old the oldest transaction id is that a tenant's session keeps in them.
 *
 * Only the session itself can vacuum them, so while it lives its database cannot forget ids that
 * are older. Which tables there are stands in that database alone: sessions that made some long ago
 * are asked about there, by a database task, and what it finds is left in shared memory for the
 * watchdog (guard/xid_age.hpp).
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::temporary_tables
{

/* Looks at the sessions that may keep ids older than half of the limit. For the scheduler. */
void look();

} // namespace appinfra::temporary_tables

extern "C" {
PGDLLEXPORT void appinfra_temporary_tables_main(Datum argument);
}
