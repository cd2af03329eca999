/* Drops what nobody claims. See leftovers.hpp. */
#include "pool/leftovers.hpp"

#include "audit/audit.hpp"
#include "base/ddl.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"

namespace appinfra::leftovers
{

struct Names {
    uint64 count;
    char **names;
};

static Names list(query::Query &query);
static void drop_databases(const Names &databases, bool installed);
static void drop_roles(const Names &roles, bool installed);

/*
 * db_ids of group roles that are no tenant's: no database says so, and no login. While pg_dumpall's
 * output is being restored the roles are there before their databases.
 */
#define ORPHANED_GROUPS                                                                            \
    " FROM pg_catalog.pg_shseclabel g"                                                             \
    " WHERE g.provider = 'appinfra' AND g.classoid = 'pg_catalog.pg_authid'::regclass"             \
    "   AND g.label LIKE 'db-% group %' AND NOT EXISTS ("                                          \
    "       SELECT FROM pg_catalog.pg_shseclabel d"                                                \
    "        WHERE d.provider = 'appinfra'"                                                        \
    "          AND (d.classoid = 'pg_catalog.pg_database'::regclass"                               \
    "               AND d.label LIKE split_part(g.label, ' ', 1) || ' tenant %'"                   \
    "            OR d.classoid = 'pg_catalog.pg_authid'::regclass"                                 \
    "               AND d.label LIKE split_part(g.label, ' ', 1) || ' login %'))"
#define UNREGISTERED_GROUPS                                                                        \
    ORPHANED_GROUPS                                                                                \
    "   AND NOT EXISTS (SELECT FROM appinfra.shell WHERE db_id = split_part(g.label, ' ', 1))"     \
    "   AND NOT EXISTS (SELECT FROM appinfra.tenant WHERE db_id = split_part(g.label, ' ', 1))"
#define THEIR_DATABASES(groups)                                                                    \
    "SELECT datname FROM pg_catalog.pg_database WHERE datname IN ("                                \
    " SELECT replace(split_part(g.label, ' ', 1), 'db-', 'appinfra_')" groups ")"
#define THEIR_ROLES(groups)                                                                        \
    "SELECT rolname FROM pg_catalog.pg_authid WHERE oid IN (SELECT g.objoid" groups ")"
#define TEMPLATES                                                                                  \
    "SELECT datname FROM pg_catalog.pg_database d JOIN pg_catalog.pg_shseclabel l"                 \
    "    ON l.classoid = 'pg_catalog.pg_database'::regclass AND l.objoid = d.oid"                  \
    " WHERE l.provider = 'appinfra' AND l.label LIKE '- template %'"

void
sweep(bool installed)
{
    static query::Query unregistered[] = {
        {THEIR_DATABASES(UNREGISTERED_GROUPS)},
        {TEMPLATES " AND d.oid NOT IN (SELECT database_oid FROM appinfra.template)"},
        {THEIR_ROLES(UNREGISTERED_GROUPS)}};
    static query::Query all[] = {
        {THEIR_DATABASES(ORPHANED_GROUPS)}, {TEMPLATES}, {THEIR_ROLES(ORPHANED_GROUPS)}};
    query::Query *queries = installed ? unregistered : all;

    drop_databases(list(queries[0]), installed);
    drop_databases(list(queries[1]), installed);
    drop_roles(list(queries[2]), installed);
}

/* Returns the first column of the query's rows. */
static Names
list(query::Query &query)
{
    Names found = {};

    in_transaction([&](MemoryContext caller) {
        found.count = query::run(query);
        found.names =
            static_cast<char **>(MemoryContextAlloc(caller, (found.count + 1) * sizeof(char *)));
        for (uint64 i = 0; i < found.count; i++)
            found.names[i] = MemoryContextStrdup(caller, query::text_at(i, 1));
    });
    return found;
}

/* Drops them one by one; one that cannot be dropped does not keep the others. */
static void
drop_databases(const Names &databases, bool installed)
{
    for (const char *name : std::span(databases.names, databases.count))
        attempt(CurrentMemoryContext, [&] {
            in_transaction([&](MemoryContext) { ddl::mark_template(name, false); });
            ddl::drop_database(name);
            ereport(LOG, (errmsg("dropped database \"%s\", which no registry names", name)));
            if (installed)
                in_transaction([&](MemoryContext) {
                    audit::record("drop_leftover", nullptr, nullptr,
                                  audit::detail({{"database", name}}));
                });
        });
}

static void
drop_roles(const Names &roles, bool installed)
{
    for (const char *name : std::span(roles.names, roles.count))
        attempt(CurrentMemoryContext, [&] {
            in_transaction([&](MemoryContext) {
                ddl::drop_role(name);
                if (installed)
                    audit::record("drop_leftover", nullptr, nullptr,
                                  audit::detail({{"role", name}}));
            });
        });
}

} // namespace appinfra::leftovers
