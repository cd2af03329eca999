/*
 * The guard: refuses what no tenant may do, by who logged in.
 *
 * A role with a label is a tenant's. A session is *guarded* when its authenticated user is a
 * tenant's, whatever its current role has become: a tenant that finds a way to superuser through
 * somebody's SECURITY DEFINER function gains nothing. It is guarded, too, while the current or the
 * outer user is a tenant's, as when autovacuum runs an index function. The hooks are in the files
 * that follow: login, guard_setting, guard_statement, guard_function, guard_catalog. For a session
 * that is nobody's tenant each costs a comparison or two. Refusals are SQLSTATE 42501 with a
 * detail that names the rule.
 */
#pragma once

#include "base/label.hpp"

namespace appinfra::guard
{

/* A rule: its name, as refusals and audit carry it, and why, as a sentence. */
struct Rule {
    const char *name;
    const char *reason;
};

/* Registers the hooks. Called once, by _PG_init. */
void define();

/* Tells whether this session is guarded now, so that its rules are to be looked at. */
bool is_active();

/* As is_active(), of the authenticated user alone, and reads no catalog. */
bool is_tenant_session();
const char *session_tenant();

/* Tells whether the role is a group role of that tenant: the only roles it may name. */
bool is_own_group(Oid role);

/* The session's user, when the login hook has read its label already. */
void enter(Oid role, const char *db_id);

/*
 * Records that the rule was broken and raises the refusal; in observe mode returns. The object (a
 * statement, a function, a setting) stands in the message.
 */
void refuse(const Rule &rule, const char *object);

/* Records the refusal and tells whether it is to be raised. For where only the caller can. */
bool records_refusal(const Rule &rule, const char *object);

/*
 * Which of the guard's hooks this process has seen called. Another library may have put itself in
 * front and not pass calls on; then the host is not guarded and must not take in tenants.
 */
enum class Hook : unsigned { statement = 1, object = 2, permissions = 4 };
void saw(Hook hook);
bool saw_all();

} // namespace appinfra::guard
