/* The guard's rules for what is created, changed and dropped, by what it is made of and where. */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

/* Refuses an extension that no tenant may create, or create where it is to be. */
void check_extension(Oid extension);

/* Refuses a table that is to inherit from one of the server's. */
void check_parent(Oid parent);

/* Refuses what no tenant may make, change or drop. */
void check_object(ObjectAccessType access, Oid class_id, Oid object_id);

} // namespace appinfra::guard
