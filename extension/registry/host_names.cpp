/* Names databases and group roles. See host_names.hpp. */
#include "registry/host_names.hpp"

#include "base/ddl.hpp"
#include "base/identifiers.hpp"
#include "base/label.hpp"
#include "base/lock.hpp"
#include "base/query.hpp"

namespace appinfra::host_names
{

static bool is_free(const char *base);

const char *
choose(const char *plain)
{
    const char *base = plain;

    while (!lock::try_take(lock::Kind::name, base) || !is_free(base)) {
        CHECK_FOR_INTERRUPTS();
        base = identifiers::base_with_suffix(plain);
    }
    return base;
}

void
rename(const char *from, const char *to)
{
    if (OidIsValid(get_database_oid(from, true))) /* or somebody has dropped it */
        ddl::rename_database(from, to);
    for (const char *access : identifiers::accesses)
        ddl::rename_role(identifiers::group_role(from, access),
                         identifiers::group_role(to, access));
}

void
rename_tenant(const char *db_id, const owned::Object &database, const char *to)
{
    if (OidIsValid(database.oid) && strcmp(database.name, to) != 0)
        ddl::rename_database(database.name, to);
    for (const char *access : identifiers::accesses) {
        const owned::Object group = owned::lock_group(db_id, access);
        const char *name = identifiers::group_role(to, access);

        if (OidIsValid(group.oid) && strcmp(group.name, name) != 0)
            ddl::rename_role(group.name, name);
    }
}

void
open(const char *database, const char *db_id, int hardening)
{
    ddl::allow_connections(database, true);
    ddl::label_database(database, label::of_tenant(db_id, hardening));
}

/*
 * Tells whether neither a database nor the roles of a tenant of that name exist, nor the registry
 * has them: one that was restored may name what this host lacks.
 */
static bool
is_free(const char *base)
{
    static query::Query registered = {"SELECT FROM appinfra.tenant WHERE database = $1::name"};

    if (OidIsValid(get_database_oid(base, true)) || OidIsValid(get_role_oid(base, true)))
        return false;
    for (const char *access : identifiers::accesses)
        if (OidIsValid(get_role_oid(identifiers::group_role(base, access), true)))
            return false;
    return query::run(registered, {query::text(base)}).count == 0;
}

} // namespace appinfra::host_names
