/* Removes roles. See role_removal.hpp. */
#include "tenant/role_removal.hpp"

#include "base/ddl.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "workers/release.hpp"

namespace appinfra::role_removal
{

/* What is to be released, and where. */
struct Release {
    Oid database;
    release::Order order;
};

static void release_everywhere(Oid role, const char *own_database, Oid heir, Oid successor);

void
remove(const char *role_name, const char *own_database, const char *heir, const char *successor)
{
    Oid role, heir_role, successor_role;

    in_transaction([&](MemoryContext) {
        auto oid_of = [](const char *name) {
            return name != nullptr && *name != '\0' ? get_role_oid(name, true) : InvalidOid;
        };
        role = oid_of(role_name);
        heir_role = oid_of(heir);
        successor_role = oid_of(successor);
    });
    if (!OidIsValid(role))
        return;
    release_everywhere(role, own_database, heir_role, successor_role);
    in_transaction([&](MemoryContext) { ddl::drop_role(role_name); });
}

/*
 * Releases a role in all databases that name it, and in its own if transactions are prepared there.
 * What belongs to no database (rights on a database, say) is released in its own, or from here.
 */
static void
release_everywhere(Oid role, const char *own_database, Oid heir, Oid successor)
{
    static query::Query select = {
        "SELECT oid, datname = $2::name FROM pg_catalog.pg_database d"
        " WHERE EXISTS (SELECT FROM pg_catalog.pg_shdepend s"
        "                WHERE s.refclassid = 'pg_catalog.pg_authid'::regclass"
        "                  AND s.refobjid = $1 AND (s.dbid = d.oid OR s.dbid = 0"
        "                  AND d.datname = coalesce((SELECT o.datname FROM pg_catalog.pg_database o"
        "                       WHERE o.datname = $2::name), current_database())))"
        "    OR (datname = $2::name"
        "        AND EXISTS (SELECT FROM pg_catalog.pg_prepared_xacts WHERE database = $2::name))"};
    std::span<const Release> releases;

    in_transaction([&](MemoryContext caller) {
        query::Rows rows = query::run(select, {query::oid(role), query::text(own_database)});

        in_context(caller, [&] {
            releases = query::collect<Release>(rows, [&](uint64 i) {
                return Release{.database = rows.oid(i, 1),
                               .order = {.role = role,
                                         .heir = heir,
                                         .successor = successor,
                                         .is_own = rows.boolean(i, 2)}};
            });
        });
    });
    for (const Release &release : releases)
        database_task::run(release::task_of(release.order, release.database));
}

} // namespace appinfra::role_removal
