/* The guard's rules for tables that are not the tenant's: no code of a tenant's is put on them. */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

/* Refuses a trigger, a rule, a policy, an index or a foreign key that was just put on another's
 * table. */
void check_others_table(Oid class_id, Oid object_id);

} // namespace appinfra::guard
