/*
 * Unbinding: taking variables of a database away, from whatever environment they are in.
 *
 * Their logins are revoked in the caller's transaction, a publication unsets them where they may
 * have been delivered, and they are free for other databases.
 */
#pragma once

#include "registry/tenant.hpp"
#include "tenant/wanted.hpp"

namespace appinfra::unbinding
{

/* Revokes what stands in these variables (names, of which none is null) and unsets them. */
void unbind(const char *db_id, std::span<const char *const> names,
            const wanted::Environment &environment);

/*
 * An app has another owner from now on: of a locked tenant, unbinds what stands in the environment
 * of that app and is another app's database, and what stands in other apps and is that app's.
 */
void unbind_transferred(const tenant::Tenant &tenant, const char *app_id);

} // namespace appinfra::unbinding
