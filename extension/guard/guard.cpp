/* Decides who is guarded, and refuses. See guard.hpp. */
#include "guard/guard.hpp"

#include "audit/events.hpp"
#include "base/oid_memory.hpp"
#include "base/settings.hpp"
#include "guard/catalog.hpp"
#include "guard/function.hpp"
#include "guard/login.hpp"
#include "guard/report.hpp"
#include "guard/setting.hpp"
#include "guard/statement.hpp"

namespace appinfra::guard
{

/* A role and whose it is. */
struct Known {
    Oid role; /* key */
    bool is_tenants;
    bool is_group;
    char db_id[label::word_limit];
};

static Known session;       /* the authenticated user */
static const char *at_work; /* db_id of the tenant that is_active() found */
static char at_work_of_role[label::word_limit];
static HTAB *known_roles; /* other roles this process has asked about */
static bool forget_roles; /* a role has changed: ask again */
static unsigned hooks_seen;

static bool is_work_of_tenant(bool as_tenant);
static bool is_tenants(Oid role);
static const Known *know(Oid role);
static void look_up(Oid role, Known *known);
static void on_role_change(Datum argument, int cache, uint32 hash);

void
define()
{
    define_login();
    define_settings();
    define_statements();
    define_functions();
    define_catalogs();
    define_report();
}

bool
is_active()
{
    Oid authenticated = GetAuthenticatedUserId();
    Oid current = GetUserId();
    Oid outer = GetOuterUserId();

    if (settings::guard == settings::guard_off)
        return false;
    if (unlikely(session.role != authenticated)) {
        if (!IsTransactionState())
            return false; /* a tenant's own session has been entered at login */
        look_up(authenticated, &session);
    }
    if (session.is_tenants) {
        at_work = session.db_id;
        return true;
    }
    if (!IsTransactionState())
        return false; /* nothing can be looked up */
    return is_work_of_tenant(current != authenticated && is_tenants(current)) ||
           (outer != authenticated && outer != current && is_tenants(outer));
}

bool
is_tenant_session()
{
    return settings::guard != settings::guard_off && session.is_tenants &&
           session.role == GetAuthenticatedUserId();
}

const char *
session_tenant()
{
    return session.db_id;
}

bool
is_own_group(Oid role)
{
    const Known *known = know(role);

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
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("permission denied to tenants: %s", object),
                        errdetail("Rule \"%s\": %s", rule.name, rule.reason)));
}

bool
records_refusal(const Rule &rule, const char *object)
{
    bool enforced = settings::guard == settings::guard_enforce;

    events::report({.action = "guard",
                    .outcome = enforced ? events::Outcome::refused : events::Outcome::done,
                    .rule = rule.name,
                    .db_id = at_work,
                    .credential = nullptr,
                    .object = object,
                    .observed = !enforced});
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

/* Tells whether the role is a tenant's, and remembers whose. */
static bool
is_tenants(Oid role)
{
    if (!OidIsValid(role))
        return false;
    const Known *known = know(role);
    if (known->is_tenants) {
        strlcpy(at_work_of_role, known->db_id, sizeof(at_work_of_role));
        at_work = at_work_of_role;
    }
    return known->is_tenants;
}

/* Returns what is known of the role. Asked of the catalog once, until some role changes. */
static const Known *
know(Oid role)
{
    if (known_roles == nullptr) {
        known_roles = oid_memory::make<Known>("appinfra known roles");
        CacheRegisterSyscacheCallback(AUTHOID, on_role_change, static_cast<Datum>(0));
    }
    if (forget_roles) {
        forget_roles = false;
        oid_memory::empty(known_roles);
    }
    auto *found = static_cast<Known *>(hash_search(known_roles, &role, HASH_FIND, nullptr));
    if (found != nullptr)
        return found;
    Known fresh;
    look_up(role, &fresh);
    found = static_cast<Known *>(hash_search(known_roles, &role, HASH_ENTER, nullptr));
    *found = fresh;
    return found;
}

/*
 * Reads the role's label. One that cannot be understood marks a tenant's role all the same: who
 * cannot be told from a tenant is guarded. A catalog that cannot be read raises, which refuses.
 */
static void
look_up(Oid role, Known *known)
{
    label::Label label;

    *known = {};
    switch (label::read_role(role, &label)) {
    case label::Found::none:
        break;
    case label::Found::malformed:
        known->is_tenants = true;
        strlcpy(known->db_id, "-", sizeof(known->db_id));
        break;
    case label::Found::well_formed:
        known->is_tenants = true;
        known->is_group = strcmp(label.kind, "group") == 0;
        strlcpy(known->db_id, label.db_id, sizeof(known->db_id));
        break;
    }
    known->role = role;
}

/* A role was made, dropped or changed: what is remembered may be wrong. */
static void
on_role_change(Datum, int, uint32)
{
    forget_roles = true;
}

} // namespace appinfra::guard
