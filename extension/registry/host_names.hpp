/*
 * Host names: the names of a tenant's database and group roles on the host.
 */
#pragma once

#include "registry/owned.hpp"

namespace appinfra::host_names
{

/*
 * Returns a name that nobody has and nobody is taking, and locks it: the plain one, else one with a
 * random suffix.
 */
const char *choose(const char *plain);

/* Gives the database and its group roles another name. Fails while a session is in the database. */
void rename(const char *from, const char *to);

/* The same for a tenant's, whatever they are called now: its locked database, and its groups. */
void rename_tenant(const char *db_id, const owned::Object &database, const char *to);

/* Lets logins enter the database, and marks it as a tenant's. */
void open(const char *database, const char *db_id, int hardening);

} // namespace appinfra::host_names
