/*
 * Entering: whether a worker can go into a tenant's database now.
 */
#pragma once

#include "registry/tenant.hpp"

namespace appinfra::entering
{

/*
 * Returns the tenant's database; raises 55000 where it is missing or another tenant's, and where
 * this transaction has renamed it: the task would wait for us, and we for it.
 */
Oid require_database(const tenant::Tenant &tenant);

} // namespace appinfra::entering
