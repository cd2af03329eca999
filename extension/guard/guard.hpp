/*
 * The guard: refuses what no tenant may do, by who logged in, who the current user is, and whose
 * code is being run.
 *
 * A role with a label is a tenant's. A session is *guarded* when its authenticated user is a
 * tenant's, whatever its current role has become: a tenant that finds a way to superuser through
 * somebody's SECURITY DEFINER function gains nothing. Any process is guarded, too, while its
 * current or outer user is a tenant's; while it runs made code in a tenant's database (code.hpp);
 * and while it works there in nobody's name, as autovacuum and the workers of subscriptions do.
 * Hooks are in login, setting, statement, report and the files hook_*. For a session that is
 * nobody's tenant each costs a comparison or two. Refusals are SQLSTATE 42501 with a detail that
 * names the rule.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

/* A rule: its name, as refusals and audit carry it, and why, as a sentence. */
struct Rule {
    const char *name;
    const char *reason;
};

/* Registers the hooks. Called once, by _PG_init. */
void define();

/* Tells whether this process is guarded now, so that its rules are to be looked at. */
bool is_active();

/* As is_active(), of the authenticated user alone, and reads no catalog. */
bool is_tenant_session();
const char *session_tenant();

/* Tells whether the authenticated user is a tenant's, whatever the guard is set to. */
bool is_session_of_tenant();

/*
 * How many calls of made code (code.hpp) in a tenant's database this process is in, one inside the
 * other. A tenant's own session, which is guarded anyway, does not count them.
 */
extern int made_code_depth;

inline bool
is_running_made_code()
{
    return made_code_depth > 0;
}

/* Returns the db_id of the tenant that is_active() found at work, or null before it found any. */
const char *guarded_tenant();

/* Tells whether the role is a group role of that tenant: the only roles it may name. */
bool is_own_group(Oid role);

/* The session's user, when the login hook has read its label already. */
void enter(Oid role, const char *db_id);

/*
 * Records that the rule was broken and raises the refusal; in observe mode returns, unless it is a
 * tenant's code in another's session. The object (a statement, a function, a setting) stands in the
 * message.
 */
void refuse(const Rule &rule, const char *object);

/* The same, in observe mode too, for rules that protect others from a tenant (null:
 * guarded_tenant()).
 */
void refuse_always(const Rule &rule, const char *db_id, const char *object,
                   const char *hint = nullptr);

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
