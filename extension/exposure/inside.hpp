/*
 * The rules that visitors run, as SQL. For exposure_tenant.cpp, which has them, and
 * exposure_visit.cpp, which runs them.
 */
#pragma once

#include "workers/visit.hpp"

namespace appinfra::exposure
{

/* Returns the queries for a visit. $1: text[] of sources, $2: text, $3: text. */
std::span<const char *const> rules_inside(visit::Purpose purpose);

} // namespace appinfra::exposure
