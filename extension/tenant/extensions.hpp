/*
 * Extensions that the host installs for a tenant, because their scripts need a superuser.
 *
 * The script runs inside the tenant's database as the bootstrap superuser. So it must find nothing
 * of the tenant's: the extension goes into a schema that only superusers can create in, the
 * extensions it needs must lie in such, and nobody else's event trigger may run.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::extensions
{

/* Installs an extension in a tenant's database; the version may be null: the default one. */
void install(const char *db_id, const char *name, const char *version);

} // namespace appinfra::extensions
