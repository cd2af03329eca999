/*
 * Hardening what is there already: a tenant of an older release or of a restored host, and what of
 * the host itself is open to everyone.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::harden
{

/*
 * Brings a tenant to the present hardening: inside its database by a database task, which
 * commits by itself, then owner, privileges, limit and label of the database, labels and settings
 * of its logins, in this transaction. Can be repeated.
 */
void tenant(const char *db_id);

/* Appends what of the host is to be closed to the result: statement, reason, and whether it was. */
void host(bool apply, ReturnSetInfo *result);

} // namespace appinfra::harden
