/*
 * Recording: what was seen becomes rows, of those tenants of which something has changed.
 */
#pragma once

#include "usage/tenants.hpp"

namespace appinfra::usage
{

/* Writes a tenant's rows, in a transaction; if nothing has changed, on a new day only. */
void write_tenant(const Tenant &tenant, bool new_day);

/* Notes that what write_tenant() has written is committed. */
void settle(Tenant *tenant);

/* Writes down what tenants use, and that a round has ended. */
void record_round(std::span<const sessions::TenantProcess> processes);

} // namespace appinfra::usage
