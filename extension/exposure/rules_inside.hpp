/*
 * The rules that run inside a database, as SQL.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::exposure
{

/*
 * Returns the queries for a tenant's database, or for one of the host. $1: text[] of the sources
 * that no tenant may execute, $2: extensions tenants may have, $3: the group that DATABASE_URL
 * enters as, $4: text[] of the sources that nothing stored may call.
 */
std::span<const char *const> rules_inside(bool is_tenants);

/* Returns those about whose code runs in a tenant's database. */
std::span<const char *const> rules_of_tenant_code();

/* Returns those about a pooler's login in a tenant's database. */
std::span<const char *const> rules_of_pooler();

} // namespace appinfra::exposure
