/* Guards CREATE EXTENSION and DROP EXTENSION. See install.hpp. */
#include "entry/install.hpp"

#include "base/ddl.hpp"
#include "base/identifiers.hpp"
#include "base/label.hpp"
#include "base/query.hpp"
#include "base/refusal.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::install
{

constexpr const char *connect[] = {"CONNECT"};
constexpr const char *lane_roles[] = {"appinfra_admin", "appinfra_publisher", "appinfra_auditor",
                                      "appinfra_gateway"};

static ProcessUtility_hook_type next_process_utility;

static void process_utility(PlannedStmt *statement, const char *text, bool read_only,
                            ProcessUtilityContext context, ParamListInfo parameters,
                            QueryEnvironment *environment, DestReceiver *destination,
                            QueryCompletion *completion);
static bool drops_by_name(const Node *statement);
static bool drops_by_owner_or_schema(const Node *statement);
static void check_drop(bool confirmed);
static void make_roles();
static void make_role(const char *name);

void
define()
{
    next_process_utility = ProcessUtility_hook ? ProcessUtility_hook : standard_ProcessUtility;
    ProcessUtility_hook = process_utility;
}

void
check()
{
    const char *database = get_database_name(MyDatabaseId);

    if (!creating_extension)
        raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     "check_installation() is for CREATE EXTENSION only"));
    if (strcmp(database, settings::control_database) != 0)
        raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     psprintf("database \"%s\" is not the control database", database),
                     psprintf("appinfra.control_database is \"%s\".", settings::control_database),
                     "Connect to that database, or set appinfra.control_database and restart the "
                     "server."));
    make_roles();
    ddl::close_database(database);
    for (const char *role : lane_roles)
        ddl::grant_on_database(database, role, connect);
    if (strcmp(database, "template1") != 0 && OidIsValid(get_database_oid("template1", true)))
        ddl::close_database("template1");
    wakeup::wake_at_commit(wakeup::Work::install);
}

/* Makes the group roles of the lanes, and the pooler's role, which an operator gives a password. */
static void
make_roles()
{
    for (const char *name : lane_roles)
        make_role(name);
    make_role(POOLER_ROLE);
}

/* Makes the role where it does not exist. A role of a tenant is not taken over. */
static void
make_role(const char *name)
{
    Oid role = get_role_oid(name, true);
    label::Label label;

    if (!OidIsValid(role))
        ddl::create_group(name, false);
    else if (label::of_role(role, &label))
        raise(refuse(ERRCODE_DUPLICATE_OBJECT,
                     psprintf("role \"%s\" exists and is a tenant's", name)));
}

/* Every utility statement passes here; those that would drop the extension are checked. */
static void
process_utility(PlannedStmt *statement, const char *text, bool read_only,
                ProcessUtilityContext context, ParamListInfo parameters,
                QueryEnvironment *environment, DestReceiver *destination,
                QueryCompletion *completion)
{
    if (drops_by_name(statement->utilityStmt))
        check_drop(reinterpret_cast<const DropStmt *>(statement->utilityStmt)->behavior ==
                   DROP_CASCADE);
    else if (drops_by_owner_or_schema(statement->utilityStmt))
        check_drop(false);
    next_process_utility(statement, text, read_only, context, parameters, environment, destination,
                         completion);
}

static bool
drops_by_name(const Node *statement)
{
    if (!IsA(statement, DropStmt) ||
        reinterpret_cast<const DropStmt *>(statement)->removeType != OBJECT_EXTENSION)
        return false;
    ListCell *cell;
    foreach (cell, reinterpret_cast<const DropStmt *>(statement)->objects)
        if (IsA(lfirst(cell), String) && strcmp(strVal(lfirst(cell)), "appinfra") == 0)
            return OidIsValid(get_extension_oid("appinfra", true));
    return false;
}

/* Tells whether the extension would go with its owner's objects, or with the schema it is in. */
static bool
drops_by_owner_or_schema(const Node *statement)
{
    static query::Query select = {
        "SELECT FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n"
        "    ON n.oid = e.extnamespace JOIN pg_catalog.pg_roles o ON o.oid = e.extowner"
        " WHERE e.extname = 'appinfra' AND (n.nspname = $1 OR o.rolname = $2)"};
    List *names = NIL;
    bool schemas = IsA(statement, DropStmt) &&
                   reinterpret_cast<const DropStmt *>(statement)->removeType == OBJECT_SCHEMA;
    bool found = false;
    ListCell *cell;

    if (!schemas && !IsA(statement, DropOwnedStmt))
        return false;
    if (!OidIsValid(get_extension_oid("appinfra", true)))
        return false; /* a tenant's database: its objects are not the extension's */
    if (schemas)
        names = reinterpret_cast<const DropStmt *>(statement)->objects;
    else
        foreach (cell, reinterpret_cast<const DropOwnedStmt *>(statement)->roles)
            names = lappend(names,
                            makeString(get_rolespec_name(static_cast<RoleSpec *>(lfirst(cell)))));
    with_spi([&](MemoryContext) {
        foreach (cell, names) {
            const char *name = strVal(lfirst(cell));

            found = found || query::run(select, {query::text(schemas ? name : nullptr),
                                                 query::text(schemas ? nullptr : name)})
                                     .count > 0;
        }
    });
    return found;
}

/* Refuses to drop the registry of existing tenants, unless the statement says CASCADE. */
static void
check_drop(bool confirmed)
{
    static query::Query count = {"SELECT count(*) FROM appinfra.tenant WHERE status <> 'dropped'"};
    int64 tenants = 0;

    with_spi([&](MemoryContext) { tenants = query::run(count).int8(0, 1); });
    if (tenants > 0 && !confirmed)
        raise(
            refuse(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST,
                   "cannot drop extension \"appinfra\" while it has tenants",
                   psprintf(INT64_FORMAT " databases are in its registry.", tenants),
                   "DROP EXTENSION appinfra CASCADE forgets them; their databases and data stay."));
    wakeup::wake_at_commit(wakeup::Work::install);
}

} // namespace appinfra::install
