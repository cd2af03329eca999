/*
 * Revocation: taking a credential away for good.
 *
 * In the caller's transaction the role loses LOGIN, password, membership and CONNECT. From the
 * commit on nobody can log in with it; the scheduler ends the sessions there are. Dropping the role
 * is housekeeping and comes later (janitor).
 */
#pragma once

#include "registry/tenant.hpp"

namespace appinfra::revocation
{

/* Revokes the credential of that user name; again: nothing. Raises 42704 for an unknown one. */
void revoke(const char *username, const char *reason);

/* Revokes every credential of a tenant and returns how many there were. Its data stays. */
int revoke_tenant(const char *db_id, const char *reason);

/* Revokes what a locked tenant has, or what one of its bindings has; returns how many. */
int revoke_all(const tenant::Tenant &tenant, const char *reason);

/* Revokes the credentials of a locked tenant that were issued to people and jobs. */
void revoke_issued(const tenant::Tenant &tenant, const char *reason);

/* Whether the roles of revoked credentials keep their names until they are dropped. */
enum class RoleName { kept, freed };

/* Revokes what one binding of a locked tenant has, and goes on with the binding. */
void revoke_of_binding(const tenant::Tenant &tenant, int64 binding_id, const char *reason,
                       RoleName role_name);

/*
 * Revokes a binding's credentials and ends it: its variables are free, and unset where they may
 * have been published. With freed names the binding can be made again at once.
 */
void revoke_binding(const tenant::Tenant &tenant, int64 binding_id, const char *reason,
                    RoleName role_name);

/*
 * Waits until no session of the revoked credential is left; false when the time is over before.
 * Raises 55000 for one that is not revoked, or whose revocation is not committed.
 */
bool wait(const char *username, const Interval *timeout);

/* Revokes retiring credentials whose time has come, and expired ones; for the scheduler. */
void retire_due();

/* Records first logins and says which are to be reported next; for the scheduler. */
void follow_logins();

/* Ends sessions of revoked credentials; true while there are any. For the scheduler. */
bool end_sessions();

} // namespace appinfra::revocation
