/*
 * Limits of a tenant of its own, in place of the host's settings.
 *
 * They reach the logins that there are, for their next sessions, and those that are made later.
 * They are kept in the registry, so that hardening the tenant once more leaves them.
 */
#pragma once

#include "registry/tenant.hpp"

namespace appinfra::limits
{

/*
 * Changes the limits that are given, and the tenant's end (null pointer: not given); there is one
 * thing to change at least.
 */
void alter(const char *db_id, const tenant::Limits &limits, const Interval *expires);

} // namespace appinfra::limits
