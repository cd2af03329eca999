/* Removes roles. See role_removal.hpp. */
#include "tenant/role_removal.hpp"

#include "base/ddl.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "workers/worker.hpp"

namespace appinfra::role_removal
{

static void release(Oid role, const char *own_database, Oid heir, Oid successor);

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
    release(role, own_database, heir_role, successor_role);
    in_transaction([&](MemoryContext) { ddl::drop_role(role_name); });
}

/*
 * Releases a role in all databases that name it, and in its own if transactions are prepared there.
 * What belongs to no database (rights on a database, say) is released in its own, or from here.
 */
static void
release(Oid role, const char *own_database, Oid heir, Oid successor)
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
    MemoryContext work = CurrentMemoryContext;
    setup::Order *orders = nullptr;
    uint64 count = 0;

    in_transaction([&](MemoryContext) {
        query::Rows rows = query::run(select, {query::oid(role), query::text(own_database)});

        count = rows.count;
        orders = static_cast<setup::Order *>(
            MemoryContextAllocZero(work, (count + 1) * sizeof(setup::Order)));
        for (uint64 i = 0; i < count; i++) {
            orders[i].orderer = wakeup::Worker::janitor;
            orders[i].job = setup::Job::release_role;
            orders[i].database = rows.oid(i, 1);
            orders[i].role = role;
            orders[i].heir = heir;
            orders[i].successor = successor;
            orders[i].is_own = rows.boolean(i, 2);
        }
    });
    for (const setup::Order &order : std::span(orders, count))
        worker::do_in_database(order);
}

} // namespace appinfra::role_removal
