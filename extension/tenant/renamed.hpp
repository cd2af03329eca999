/*
 * Renamed: the registry follows what somebody has renamed on the host, and tells the audit.
 *
 * Logins and databases are found by OID and label. Their new names are what everything else goes
 * on with; environments keep what they have until the next rotation.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::renamed
{

/* A login that has another name than the registry knows. */
struct Login {
    int64 credential_id;
    const char *db_id;
    const char *username;
    const char *from;
    const char *to;
};

/* Records its name. The caller holds the tenant's row. */
void record_login(const Login &login);

/* Records all that is found to be renamed, and OIDs that are new; for the scheduler. */
void follow();

} // namespace appinfra::renamed
