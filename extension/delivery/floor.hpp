/*
 * The floor: versions and ids start above it, because what is below may have been given away on a
 * timeline that is lost.
 *
 * Inside with_spi(); the host's row is locked.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::floor
{

/* Returns the floor; 0: nothing was ever lost. The row need not be locked. */
int64 current();

/*
 * Raises the floor, and moves sequences above it. Returns the new one. The clock may have been set
 * back: it goes up by a million in any case, which is more than a host publishes while a standby
 * lags behind, and by another for each further timeline that began meanwhile.
 */
int64 raise(int32 timelines);

/*
 * Moves versions above the floor, where they are those of this host, and makes what it has
 * published stale unless the settings are against it. Returns how many bindings that are.
 */
int64 publish_above(int64 floor);

/*
 * Gives up all shells: a lost timeline may have given their db_ids to tenants. What is left of
 * those that were ready is nobody's, and the builder drops it; unfinished ones it forgets itself,
 * with their files. One that is being claimed just now is a tenant's.
 */
void give_up_shells();

} // namespace appinfra::floor
