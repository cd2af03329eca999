/*
 * Expiry: databases for tests and previews that are deprovisioned by themselves.
 *
 * A tenant that was given an end is kept for the host's retention from then on, as after
 * deprovision_tenant(). The audit tells of it a day and an hour before.
 */
#pragma once

#include "registry/tenant.hpp"

namespace appinfra::expiry
{

/* Does the next step of each tenant that has one; true while there may be more. */
bool follow();

} // namespace appinfra::expiry
