/*
 * Which tenant a role belongs to, and which one this database: by their labels.
 *
 * What was found about a role is remembered until some role changes; about this database, until the
 * process ends, unless it was a shell's, which may become a tenant's.
 */
#pragma once

#include "base/label.hpp"

namespace appinfra::guard
{

/* A role and whose it is. */
struct TenantRole {
    Oid role; /* key */
    bool is_tenants;
    bool is_group;
    char db_id[label::word_limit]; /* "-" where the label cannot be understood */
};

/* Returns what is known of the role. Reads the catalog, so only in a transaction. */
const TenantRole *tenant_of_role(Oid role);

/* Grows with each change of a role or its label, from the first watch_role_changes() on. */
extern unsigned role_changes;
void watch_role_changes();

/* Reads the role's label into what is to be known of it. */
void read_tenant_role(Oid role, TenantRole *known);

/* Returns the owner of a relation; invalid when it is not to be seen yet, or no more. */
Oid owner_of_relation(Oid relation);

/* Tells whether the role is one of this tenant's. */
bool is_role_of(Oid role, const char *db_id);

/* Returns the tenant that this process' database belongs to, or null. Only in a transaction. */
const char *tenant_of_database();

} // namespace appinfra::guard
