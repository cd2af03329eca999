/* Removes roles. See role_removal.hpp. */
#include "role_removal.hpp"

#include "ddl.hpp"
#include "query.hpp"
#include "scope.hpp"
#include "worker.hpp"

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

/* Releases a role in its own database, if transactions are prepared there, and in all that name it.
 */
static void
release(Oid role, const char *own_database, Oid heir, Oid successor)
{
    static query::Query select = {
        "SELECT oid, datname = $2::name FROM pg_catalog.pg_database"
        " WHERE oid IN (SELECT dbid FROM pg_catalog.pg_shdepend"
        "                WHERE refclassid = 'pg_catalog.pg_authid'::regclass AND refobjid = $1)"
        "    OR (datname = $2::name"
        "        AND EXISTS (SELECT FROM pg_catalog.pg_prepared_xacts WHERE database = $2::name))"};
    MemoryContext work = CurrentMemoryContext;
    setup::Order *orders = nullptr;
    uint64 count = 0;

    in_transaction([&](MemoryContext) {
        count = query::run(select, {query::oid(role), query::text(own_database)});
        orders = static_cast<setup::Order *>(
            MemoryContextAllocZero(work, (count + 1) * sizeof(setup::Order)));
        for (uint64 i = 0; i < count; i++) {
            orders[i].orderer = shared::Worker::janitor;
            orders[i].job = setup::Job::release_role;
            orders[i].database = query::oid_at(i, 1);
            orders[i].role = role;
            orders[i].heir = query::bool_at(i, 2) ? heir : InvalidOid;
            orders[i].successor = successor;
        }
    });
    for (const setup::Order &order : std::span(orders, count))
        worker::do_in_database(order);
}

} // namespace appinfra::role_removal
