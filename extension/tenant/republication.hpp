/*
 * Republication: healing what bindings have at the producers after a failover or a restore.
 *
 * A stale binding (registry/binding) is published once more with a new credential, or unset where
 * it has ended. As soon as the successor is published, nobody logs in with its predecessors any
 * more: one of them may be a login whose revocation was lost. Their sessions go on until the usual
 * end of their retirement.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::republication
{

/*
 * Publishes what a ready tenant has published once more, at a caller's request; returns how many
 * bindings that are. Raises 42704 or 55000.
 */
int32 republish(const char *db_id);

/* Finishes what is healed and publishes what is not, the newest first; for the scheduler. */
void follow();

} // namespace appinfra::republication
