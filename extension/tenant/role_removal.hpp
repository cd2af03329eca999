/*
 * Role removal: dropping a role that databases still know. For the janitor.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::role_removal
{

/* A role that is to be removed, and what stays. */
struct Removal {
    Oid role;
    const char *db_id; /* of its tenant, as its label says */
    Oid own_database;  /* of that tenant; 0: none */
    Oid heir;          /* gets what the role owns; 0: nobody */
    Oid successor;     /* takes its place in policies; 0: nobody */
};

/*
 * Releases the role wherever something depends on it, and drops it; a role that is gone is none.
 * Raises what stands in the way, and 55000 for a role that is not the tenant's.
 */
void remove(const Removal &removal);

} // namespace appinfra::role_removal
