/*
 * The guard's rules for what a tenant stores and others may run: views and rules, defaults, CHECKs,
 * policies, indexes, statistics, conditions of triggers, bodies in standard SQL.
 *
 * No closed function stands there, nor one that runs text as SQL: whoever looks at a view runs it
 * with rights of his own. And what is made with another's rights names no function of a tenant's.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

/* Refuses what was just stored, if it is such a thing. `part` is the number of a column, for a
 * default. */
void check_stored(Oid class_id, Oid object_id, int part);

} // namespace appinfra::guard
