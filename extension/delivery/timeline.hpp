/*
 * Timelines: after a failover or a restore to a point in time, what came after that point may have
 * been seen by producers and is gone from the registry.
 *
 * Versions and ids given then would be given again. So both are moved far ahead once for each new
 * timeline, before anything is claimed on it.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::timeline
{

/* Tells whether the registry has been moved ahead for the current timeline. Inside with_spi(). */
bool is_settled();

/* Moves it ahead unless that was done. For the scheduler. */
void settle();

} // namespace appinfra::timeline
