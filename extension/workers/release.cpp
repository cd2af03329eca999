/* Releases a role that is to be dropped, in one database. See release.hpp. */
#include "workers/release.hpp"

#include "base/ddl.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "registry/owned.hpp"
#include "workers/task_process.hpp"

namespace appinfra::release
{

static void carry_out(const Order &order);
static void roll_back_prepared();
static void keep_policies(Oid role, Oid successor);
static const char *quoted(Oid role);

database_task::Task
task_of(const Order &order, Oid database)
{
    return {.name = "setup",
            .entry_point = "appinfra_release_main",
            .database = database,
            .on_standby = false,
            .input = order};
}

/* Releases the role, in a transaction of its own. */
static void
carry_out(const Order &order)
{
    SetConfigOption("lock_timeout", "2s", PGC_SUSET, PGC_S_OVERRIDE);
    if (order.is_own && OidIsValid(order.heir))
        roll_back_prepared();
    in_transaction([&](MemoryContext) {
        if (!OidIsValid(owned::lock_role(order.role, order.db_id).oid))
            return;
        keep_policies(order.role, order.successor);
        if (OidIsValid(order.heir))
            query::execute(
                psprintf("REASSIGN OWNED BY %s TO %s", quoted(order.role), quoted(order.heir)));
        query::execute(psprintf("DROP OWNED BY %s", quoted(order.role)));
    });
}

/*
 * Rolls back the transactions that tenants have prepared here: each keeps its locks, also on roles,
 * after its session is gone, for as long as nobody commits it.
 */
static void
roll_back_prepared()
{
    static query::Query select = {
        "SELECT p.gid FROM pg_catalog.pg_prepared_xacts p JOIN pg_catalog.pg_authid a"
        "    ON a.rolname = p.owner JOIN pg_catalog.pg_shseclabel l"
        "    ON l.classoid = 'pg_catalog.pg_authid'::regclass AND l.objoid = a.oid"
        " WHERE p.database = current_database() AND l.provider = 'appinfra'"};
    std::span<const char *> prepared;

    in_transaction([&](MemoryContext caller) {
        query::Rows rows = query::run(select);

        in_context(caller, [&] {
            prepared = query::collect<const char *>(
                rows, [&](uint64 i) { return pstrdup(rows.text(i, 1)); });
        });
    });
    for (const char *gid : prepared)
        ddl::roll_back_prepared(gid);
}

/*
 * A policy that names only this role would be dropped with it, and the rows that it restricts would
 * be open. The policy goes to the successor, or else to a role that no tenant is a member of.
 */
static void
keep_policies(Oid role, Oid successor)
{
    static query::Query select = {
        "SELECT pg_catalog.format('ALTER POLICY %I ON %s TO ', polname, polrelid::regclass)"
        "  FROM pg_catalog.pg_policy WHERE polroles = ARRAY[$1]"};
    const char *heir = OidIsValid(successor) ? quoted(successor) : "pg_database_owner";
    query::Rows policies = query::run(select, {query::oid(role)});

    for (uint64 i = 0; i < policies.count; i++)
        query::execute(psprintf("%s%s", policies.text(i, 1), heir));
}

/* Returns the role's name, quoted as an identifier. */
static const char *
quoted(Oid role)
{
    return quote_identifier(GetUserNameFromId(role, false));
}

} // namespace appinfra::release

using namespace appinfra;

/* The process of the task. */
void
appinfra_release_main(Datum)
{
    task_process::serve(release::carry_out);
}
