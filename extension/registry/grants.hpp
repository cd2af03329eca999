/*
 * Grants: what the roles of a tenant hold on its database. Stated here once; the builder, the
 * hardening and the exposures all take it from here.
 */
#pragma once

#include "base/pg.hpp"

/* Kind and access of the role, as its label says them, and the privilege. AND stands between. */
#define TENANT_GRANTS(GRANT, AND)                                                                  \
    GRANT("group", "owner", "CONNECT")                                                             \
    AND GRANT("group", "owner", "CREATE") AND GRANT("group", "owner", "TEMPORARY")                 \
        AND GRANT("group", "writer", "TEMPORARY") AND GRANT("group", "service", "TEMPORARY")       \
            AND GRANT("login", "owner", "CONNECT") AND GRANT("login", "writer", "CONNECT")         \
                AND GRANT("login", "reader", "CONNECT") AND GRANT("login", "service", "CONNECT")

/* The same as rows of SQL: ('group', 'owner', 'CONNECT'), ... */
#define TENANT_GRANTS_SQL TENANT_GRANTS(TENANT_GRANT_SQL, ", ")
#define TENANT_GRANT_SQL(kind, access, privilege) "('" kind "', '" access "', '" privilege "')"

namespace appinfra::grants
{

/* Gives the groups of the database what they are to hold on it, and the pooler's login CONNECT. */
void open_to_groups(const char *database);

/* Gives a login of that access the same. */
void open_to_login(const char *database, const char *login, const char *access);

} // namespace appinfra::grants
