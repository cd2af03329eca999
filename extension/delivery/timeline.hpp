/*
 * Timelines: after a failover or a restore, what came after a point may have been seen by producers
 * and is gone from the registry.
 *
 * Versions and ids given then would be given again. So a *floor*, taken from the clock, is raised
 * once for each new timeline, and all of them start above it, before anything is claimed or made
 * there. Shells are given up, because their db_ids may have been given away. What bindings have at
 * the producers is *stale* from then on (registry/binding).
 *
 * A server that was recovered to a target, or is not where the registry says, may be a copy beside
 * the original: it is *held*, and hands out no publication, until somebody accepts it.
 */
#pragma once

#include "base/refusal.hpp"

namespace appinfra::timeline
{

/* Tells whether publications may be handed out. Inside with_spi(). */
bool is_settled();

/*
 * Waits until the floor has been raised for the current timeline, for as long as a caller waits for
 * a shell; returns a refusal when it is not. A worker does not wait.
 */
const Refusal *await();

/* Raises the floor unless that was done, and holds what may be a copy. For the scheduler. */
void settle();

/*
 * Takes this server, restored to that time, for the original from now on. Returns how many bindings
 * are to be published again; nothing where nothing is held.
 */
std::optional<int64> accept(TimestampTz point);

} // namespace appinfra::timeline
