/*
 * Retention: taking a tenant away, keeping its data for a while, and giving it back.
 *
 * ready → retiring (credentials revoked, variables unset) → retained (no session left; database and
 * groups renamed out of the way and closed) → dropped (the time is over). Up to there, and after
 * revoke_tenant(), restore() leads back to ready. The steps after the caller's are the janitor's.
 */
#pragma once

#include "delivery/connection_builder.hpp"

namespace appinfra::retention
{

/*
 * Revokes a tenant, unsets its variables and lets the janitor keep or drop it. Again: nothing; but
 * of a tenant that is retained already it moves the end.
 */
void deprovision(const char *db_id, const Interval *retain);

/* Brings a tenant back with its data and new credentials for the variables it had. */
connection_builder::Connection restore(const char *db_id, bool publish);

} // namespace appinfra::retention
