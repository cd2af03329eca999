/*
 * Readiness: whether this host, and this transaction, can give databases to tenants.
 */
#pragma once

#include "base/refusal.hpp"

namespace appinfra::readiness
{

/* Refuses on a standby, in a read-only transaction, and in one with a snapshot of its own. */
const Refusal *check_transaction();

/* Refuses while no host name is set for DSNs, or the server has holes that tenants could use. */
const Refusal *check_host();

/* Refuses while the guard is off. */
const Refusal *check_guard();

/* Refuses when something has just been done that should have passed the guard's hooks, and did not.
 */
const Refusal *check_hooks();

/* Returns the release below which this server has holes that are open to tenants; 0: not known. */
int security_floor();

} // namespace appinfra::readiness
