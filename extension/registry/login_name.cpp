/* Chooses names that no role has. See login_name.hpp. */
#include "registry/login_name.hpp"

#include "base/identifiers.hpp"
#include "base/lock.hpp"
#include "base/query.hpp"

namespace appinfra::login_name
{

static const char *choose_numbered(const credential::Purpose &purpose);
static const char *choose_for_service(const credential::Purpose &purpose);
static bool take(const char *name);
static bool is_predecessor(const char *name, const credential::Purpose &purpose);

const char *
choose(const credential::Purpose &purpose)
{
    return purpose.service_id != nullptr ? choose_for_service(purpose) : choose_numbered(purpose);
}

/* Returns the tenant's next login name that is free. The first is the database's own name. */
static const char *
choose_numbered(const credential::Purpose &purpose)
{
    for (;;) {
        const char *name =
            identifiers::numbered(purpose.database, tenant::next_login(purpose.db_id));

        if (take(name))
            return name;
    }
}

/*
 * Returns a name for a service user: the plain one; numbered, where the service's own predecessor
 * still has it; the form with the tenant in its hash, where somebody else has it.
 */
static const char *
choose_for_service(const credential::Purpose &purpose)
{
    const char *name = identifiers::service_user(purpose.service_id, purpose.host_id);

    if (take(name))
        return name;
    if (!is_predecessor(name, purpose))
        name = identifiers::service_user_of(purpose.db_id, purpose.service_id, purpose.host_id);
    for (int n = 1;; n++) {
        const char *candidate = identifiers::numbered(name, n);

        if (take(candidate))
            return candidate;
    }
}

/* Locks the name and tells whether it is free: no role, no credential has it, nobody takes it. */
static bool
take(const char *name)
{
    static query::Query registered = {
        "SELECT FROM appinfra.credential WHERE role_name = $1::name AND state <> 'gone'"};

    return lock::try_take(lock::Kind::name, name) && !OidIsValid(get_role_oid(name, true)) &&
           query::run(registered, {query::text(name)}).count == 0;
}

/* Tells whether an earlier user of the same service has the name. */
static bool
is_predecessor(const char *name, const credential::Purpose &purpose)
{
    static query::Query select = {
        "SELECT FROM appinfra.credential c JOIN appinfra.binding b USING (binding_id)"
        " WHERE c.role_name = $1::name AND c.state <> 'gone'"
        "   AND b.db_id = $2 AND b.service_id = $3 AND b.host_id = $4"};

    return query::run(select, {query::text(name), query::text(purpose.db_id),
                               query::text(purpose.service_id), query::text(purpose.host_id)})
               .count > 0;
}

} // namespace appinfra::login_name
