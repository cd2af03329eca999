/* Decides who is guarded, and refuses. See guard.hpp. */
#include "guard/guard.hpp"

#include "audit/events.hpp"
#include "base/settings.hpp"
#include "guard/hint.hpp"
#include "guard/parallel_leader.hpp"
#include "guard/tenant_of.hpp"

namespace appinfra::guard
{

int made_code_depth;

static TenantRole session;     /* the authenticated user */
static unsigned session_as_of; /* a tenant's stays one; another may become one by later changes */
static const char *at_work;    /* db_id of the tenant that is_active() found */
static TenantRole active_role; /* the current or outer user that it found */
static unsigned hooks_seen;

static bool knows_session();
static bool is_work_in_database();
static bool is_work_of_tenant(bool as_tenant);
static bool is_tenants(Oid role);
static void raise(const Rule &rule, const char *object, const char *hint);
static void report(const Rule &rule, const char *db_id, const char *object, bool enforced);

bool
is_active()
{
    Oid authenticated = GetAuthenticatedUserId();
    Oid current = GetUserId();
    Oid outer = GetOuterUserId();

    if (settings::guard == settings::guard_off || !knows_session())
        return false;
    if (session.is_tenants) {
        at_work = session.db_id;
        return true;
    }
    if (!IsTransactionState())
        return false; /* nothing can be looked up */
    if (is_work_in_database())
        return true;
    return is_work_of_tenant(current != authenticated && is_tenants(current)) ||
           (outer != authenticated && outer != current && is_tenants(outer));
}

bool
is_tenant_session()
{
    return settings::guard != settings::guard_off && session.is_tenants &&
           session.role == GetAuthenticatedUserId();
}

bool
is_session_of_tenant()
{
    return knows_session() && session.is_tenants;
}

const char *
session_tenant()
{
    return session.db_id;
}

const char *
guarded_tenant()
{
    return at_work;
}

bool
is_own_group(Oid role)
{
    const TenantRole *known = tenant_of_role(role);

    return known->is_tenants && known->is_group && at_work != nullptr &&
           strcmp(known->db_id, at_work) == 0;
}

void
enter(Oid role, const char *db_id)
{
    session = {.role = role, .is_tenants = true, .is_group = false, .db_id = {}};
    strlcpy(session.db_id, db_id, sizeof(session.db_id));
}

void
refuse(const Rule &rule, const char *object)
{
    if (records_refusal(rule, object))
        raise(rule, object, nullptr);
}

void
refuse_always(const Rule &rule, const char *db_id, const char *object, const char *hint)
{
    report(rule, db_id != nullptr ? db_id : at_work, object, true);
    raise(rule, object, hint);
}

/* What made code tries in another's session is refused in observe mode, too. */
bool
records_refusal(const Rule &rule, const char *object)
{
    bool enforced = settings::guard == settings::guard_enforce || is_running_made_code();

    report(rule, at_work, object, enforced);
    return enforced;
}

void
saw(Hook hook)
{
    hooks_seen |= static_cast<unsigned>(hook);
}

bool
saw_all()
{
    constexpr unsigned all = static_cast<unsigned>(Hook::statement) |
                             static_cast<unsigned>(Hook::object) |
                             static_cast<unsigned>(Hook::permissions);

    return (hooks_seen & all) == all;
}

/*
 * Tells whether it is known whose the authenticated user is. A tenant's own session has been
 * entered at login; of others nothing can be looked up outside a transaction.
 */
static bool
knows_session()
{
    Oid authenticated = GetAuthenticatedUserId();

    if (likely(session.role == authenticated &&
               (session.is_tenants || session_as_of == role_changes)))
        return true;
    if (!IsTransactionState())
        return session.role == authenticated;
    watch_role_changes();
    session_as_of = role_changes;
    read_tenant_role(authenticated, &session);
    return true;
}

/*
 * Tells whether this process, or the leader whose parallel worker it is, runs made code in a
 * tenant's database, or works there in nobody's name: as
 * a superuser, maybe, but on what the tenant has left there.
 */
static bool
is_work_in_database()
{
    if (!is_running_made_code() && MyBackendType != B_AUTOVAC_WORKER && !IsLogicalWorker() &&
        !parallel_leader::is_guarded())
        return false;
    const char *db_id = tenant_of_database();
    if (db_id == nullptr)
        return false;
    at_work = db_id;
    return true;
}

/*
 * Tells whether a superuser's ANALYZE, REINDEX or REFRESH is running a tenant's code: it does so as
 * the tenant, and when that code calls a superuser's SECURITY DEFINER function, it is no longer the
 * tenant who is the current user, but the operation is still the restricted one.
 */
static bool
is_work_of_tenant(bool as_tenant)
{
    static bool was_tenants;

    was_tenants = as_tenant || (was_tenants && InSecurityRestrictedOperation());
    return was_tenants;
}

/* Tells whether the role is a tenant's, and takes its tenant for the one at work. */
static bool
is_tenants(Oid role)
{
    if (!OidIsValid(role))
        return false;
    const TenantRole *known = tenant_of_role(role);
    if (known->is_tenants) {
        active_role = *known;
        at_work = active_role.db_id;
    }
    return known->is_tenants;
}

static void
raise(const Rule &rule, const char *object, const char *hint)
{
    if (hint == nullptr)
        hint = hint::of(rule.name, object);
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("permission denied to tenants: %s", object),
                    errdetail("Rule \"%s\": %s", rule.name, rule.reason),
                    hint != nullptr ? errhint("%s", hint) : 0));
}

static void
report(const Rule &rule, const char *db_id, const char *object, bool enforced)
{
    events::report({.action = "guard",
                    .outcome = enforced ? events::Outcome::refused : events::Outcome::done,
                    .rule = rule.name,
                    .db_id = db_id,
                    .credential = nullptr,
                    .object = object,
                    .observed = !enforced});
}

} // namespace appinfra::guard
