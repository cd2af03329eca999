/* Drops databases and roles that no registry knows. See leftovers.hpp. */
#include "pool/leftovers.hpp"

#include "audit/audit.hpp"
#include "base/ddl.hpp"
#include "base/label.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"

namespace appinfra::leftovers
{

using Names = std::span<const char *>;

static Names list(query::Query &query);
static void drop_databases(const Names &databases, bool installed);
static void drop_roles(const Names &roles, bool installed);

// clang-format off
/*
 * db_ids of group roles that are no tenant's: no database says so, and no login. While pg_dumpall's
 * output is being restored the roles are there before their databases. Written so that each label is
 * read once, however many there are and whatever PostgreSQL knows of them: NOT IN is hashed, and an
 * ARRAY is made before it is looked into.
 */
#define ORPHANED_GROUPS                                                                            \
    " FROM pg_catalog.pg_shseclabel g"                                                             \
    " WHERE g.provider = 'appinfra' AND g.classoid = 'pg_catalog.pg_authid'::regclass"             \
    "   AND " LABEL_KIND("g.label") " = 'group' AND " LABEL_DB_ID("g.label") " LIKE 'db-%'"        \
    "   AND " LABEL_DB_ID("g.label") " NOT IN (SELECT " LABEL_DB_ID("d.label")                     \
    "         FROM pg_catalog.pg_shseclabel d WHERE d.provider = 'appinfra'"                       \
    "          AND (d.classoid = 'pg_catalog.pg_database'::regclass"                               \
    "               AND " LABEL_KIND("d.label") " = 'tenant'"                                      \
    "            OR d.classoid = 'pg_catalog.pg_authid'::regclass"                                 \
    "               AND " LABEL_GROUP_OR_LOGIN("d.label") " = 'login'))"
#define UNREGISTERED_GROUPS                                                                        \
    ORPHANED_GROUPS                                                                                \
    "   AND NOT EXISTS (SELECT FROM appinfra.shell WHERE db_id = " LABEL_DB_ID("g.label") ")"      \
    "   AND NOT EXISTS (SELECT FROM appinfra.tenant WHERE db_id = " LABEL_DB_ID("g.label") ")"
/* Their shells: by label, or, where building it was cut off before it had one, by name. */
#define THEIR_DATABASES(groups)                                                                    \
    "SELECT datname FROM pg_catalog.pg_database d LEFT JOIN pg_catalog.pg_shseclabel l"            \
    "    ON l.classoid = 'pg_catalog.pg_database'::regclass AND l.objoid = d.oid"                  \
    "   AND l.provider = 'appinfra'"                                                               \
    " WHERE CASE WHEN l.label IS NULL THEN replace(datname, 'appinfra_', 'db-')"                   \
    "            WHEN " LABEL_KIND("l.label") " = 'shell' THEN " LABEL_DB_ID("l.label")            \
    "       END = ANY (ARRAY(SELECT " LABEL_DB_ID("g.label") groups "))"
#define THEIR_ROLES(groups)                                                                        \
    "SELECT rolname FROM pg_catalog.pg_authid WHERE oid = ANY (ARRAY(SELECT g.objoid" groups "))"
#define TEMPLATES                                                                                  \
    "SELECT datname FROM pg_catalog.pg_database d JOIN pg_catalog.pg_shseclabel l"                 \
    "    ON l.classoid = 'pg_catalog.pg_database'::regclass AND l.objoid = d.oid"                  \
    " WHERE l.provider = 'appinfra' AND " LABEL_KIND("l.label") " = 'template'"
// clang-format on

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
    Names names;

    in_transaction([&](MemoryContext caller) {
        query::Rows rows = query::run(query);

        in_context(caller, [&] {
            names = query::collect<const char *>(
                rows, [&](uint64 i) { return pstrdup(rows.text(i, 1)); });
        });
    });
    return names;
}

/* Drops them one by one; one that cannot be dropped does not keep the others. */
static void
drop_databases(const Names &databases, bool installed)
{
    for (const char *name : databases)
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
    for (const char *name : roles)
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
