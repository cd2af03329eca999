/* Removes roles. See role_removal.hpp. */
#include "tenant/role_removal.hpp"

#include "base/ddl.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "registry/owned.hpp"
#include "workers/release.hpp"

namespace appinfra::role_removal
{

/* What is to be released, and where. */
struct Release {
    Oid database;
    release::Order order;
};

static void release_everywhere(const Removal &removal);

void
remove(const Removal &removal)
{
    release_everywhere(removal);
    in_transaction([&](MemoryContext) {
        const owned::Object role = owned::lock_role(removal.role, removal.db_id);

        if (OidIsValid(role.oid))
            ddl::drop_role(role.name);
    });
}

/*
 * Releases a role in all databases that name it, and in its own if transactions are prepared there.
 * What belongs to no database (rights on a database, say) is released in its own, or from here.
 */
static void
release_everywhere(const Removal &removal)
{
    static query::Query select = {
        "SELECT oid, oid = $2 FROM pg_catalog.pg_database d"
        " WHERE EXISTS (SELECT FROM pg_catalog.pg_shdepend s"
        "                WHERE s.refclassid = 'pg_catalog.pg_authid'::regclass"
        "                  AND s.refobjid = $1 AND (s.dbid = d.oid OR s.dbid = 0"
        "                  AND d.oid = coalesce((SELECT o.oid FROM pg_catalog.pg_database o"
        "                       WHERE o.oid = $2), (SELECT o.oid FROM pg_catalog.pg_database o"
        "                       WHERE o.datname = current_database()))))"
        "    OR (oid = $2 AND EXISTS (SELECT FROM pg_catalog.pg_prepared_xacts"
        "                              WHERE database = d.datname))"};
    std::span<const Release> releases;

    in_transaction([&](MemoryContext caller) {
        owned::lock_role(removal.role, removal.db_id); /* raises if it is another's */
        query::Rows rows =
            query::run(select, {query::oid(removal.role), query::oid(removal.own_database)});

        in_context(caller, [&] {
            releases = query::collect<Release>(rows, [&](uint64 i) {
                Release release = {.database = rows.oid(i, 1),
                                   .order = {.role = removal.role,
                                             .heir = removal.heir,
                                             .successor = removal.successor,
                                             .is_own = rows.boolean(i, 2),
                                             .db_id = {}}};

                strlcpy(release.order.db_id, removal.db_id, sizeof(release.order.db_id));
                return release;
            });
        });
    });
    for (const Release &release : releases)
        database_task::run(release::task_of(release.order, release.database));
}

} // namespace appinfra::role_removal
