/*
 * Hardening of databases that exist already: a tenant's of an older release or of a restored host,
 * and the databases of the host that are open to everyone.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::apply_hardening
{

/*
 * Brings a tenant to the present hardening: inside its database by a database task, which
 * commits by itself, then owner, privileges, limit and label of the database, labels and settings
 * of its logins, in this transaction. Can be repeated.
 */
void tenant(const char *db_id);

/* Appends each statement that closes something of the host, its reason, and whether it was run. */
void host(bool apply, ReturnSetInfo *result);

} // namespace appinfra::apply_hardening
