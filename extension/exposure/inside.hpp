/*
 * The rules that visitors run, as SQL. For tenant.cpp and tenant_code.cpp, which have them, and
 * visit.cpp, which runs them.
 */
#pragma once

#include "workers/visit.hpp"

namespace appinfra::exposure
{

/* Returns the queries for a visit. $1: text[] of sources, $2: text, $3: text, $4: text[] of
 * sources. */
std::span<const char *const> rules_inside(visit::Purpose purpose);

/* Those about whose code runs in a tenant's database. */
std::span<const char *const> rules_of_tenant_code();

} // namespace appinfra::exposure
