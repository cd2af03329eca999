/* Statement trees for databases. The other half of ddl.hpp. */
#include "base/ddl.hpp"

#include "base/statement.hpp"

namespace appinfra::ddl
{

using namespace statement;

static void alter_database(const char *database, DefElem *option);
static void change_grant(const char *database, RoleSpec *grantee, bool is_grant, List *privileges,
                         DropBehavior behavior = DROP_RESTRICT);
static RoleSpec *everyone();

void
rename_database(const char *from, const char *to)
{
    rename(OBJECT_DATABASE, from, to);
}

void
label_database(const char *name, const char *label)
{
    set_label(OBJECT_DATABASE, name, label);
}

void
allow_connections(const char *database, bool allow)
{
    alter_database(database,
                   option("allow_connections", reinterpret_cast<Node *>(makeBoolean(allow))));
}

/* Leaves alone what is as wanted: a database whose drop was interrupted cannot be altered. */
void
mark_template(const char *database, bool is_template)
{
    HeapTuple tuple =
        SearchSysCache1(DATABASEOID, ObjectIdGetDatum(get_database_oid(database, false)));

    if (!HeapTupleIsValid(tuple))
        elog(ERROR, "database \"%s\" has vanished", database);
    bool marked = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple))->datistemplate;
    ReleaseSysCache(tuple);
    if (marked != is_template)
        alter_database(database,
                       option("is_template", reinterpret_cast<Node *>(makeBoolean(is_template))));
}

void
grant_on_database(const char *database, const char *role, std::span<const char *const> privileges)
{
    List *list = NIL;

    for (const char *privilege : privileges) {
        char *word = pstrdup(privilege);

        for (char *at = word; *at != '\0'; at++)
            *at = static_cast<char>(pg_tolower(*at));
        list = lappend(list, access(word));
    }
    change_grant(database, role_spec(role), true, list);
}

void
revoke_connect(const char *database, const char *role)
{
    if (!OidIsValid(get_database_oid(database, true)))
        return; /* somebody has dropped it */
    change_grant(database, role_spec(role), false, list_make1(access("connect")));
}

void
close_database(const char *database)
{
    change_grant(database, everyone(), false, NIL);
}

void
revoke_all_on_database(const char *database, const char *role)
{
    change_grant(database, role != nullptr ? role_spec(role) : everyone(), false, NIL,
                 DROP_CASCADE);
}

void
give_database(const char *database, const char *owner)
{
    auto *statement = makeNode(AlterOwnerStmt);

    statement->objectType = OBJECT_DATABASE;
    statement->object = text_value(database);
    statement->newowner = role_spec(owner);
    run(reinterpret_cast<Node *>(statement));
}

void
limit_connections(const char *database, int limit)
{
    alter_database(database,
                   option("connection_limit", reinterpret_cast<Node *>(makeInteger(limit))));
}

void
create_database(const NewDatabase &database)
{
    auto *statement = makeNode(CreatedbStmt);
    List *options = NIL;

    options = lappend(options, option("template", text_value(database.source)));
    /* an OID above 2^31 is no Integer node */
    options = lappend(
        options, option("oid", reinterpret_cast<Node *>(makeFloat(psprintf("%u", database.oid)))));
    options =
        lappend(options, option("allow_connections", reinterpret_cast<Node *>(makeBoolean(false))));
    options =
        lappend(options, option("connection_limit",
                                reinterpret_cast<Node *>(makeInteger(database.connection_limit))));
    if (database.encoding != nullptr)
        options = lappend(options, option("encoding", text_value(database.encoding)));
    if (database.locale != nullptr)
        options = lappend(options, option("locale", text_value(database.locale)));
    statement->dbname = pstrdup(database.name);
    statement->options = options;
    run_alone(reinterpret_cast<Node *>(statement));
}

void
drop_database(const char *name)
{
    auto *statement = makeNode(DropdbStmt);

    statement->dbname = pstrdup(name);
    run_alone(reinterpret_cast<Node *>(statement));
}

void
roll_back_prepared(const char *gid)
{
    auto *statement = makeNode(TransactionStmt);

    statement->kind = TRANS_STMT_ROLLBACK_PREPARED;
    statement->gid = pstrdup(gid);
    run_alone(reinterpret_cast<Node *>(statement));
}

static void
alter_database(const char *database, DefElem *option)
{
    auto *statement = makeNode(AlterDatabaseStmt);

    statement->dbname = pstrdup(database);
    statement->options = list_make1(option);
    run(reinterpret_cast<Node *>(statement));
}

/* Returns what stands for PUBLIC. */
static RoleSpec *
everyone()
{
    auto *spec = makeNode(RoleSpec);

    spec->roletype = ROLESPEC_PUBLIC;
    spec->location = -1;
    return spec;
}

static void
change_grant(const char *database, RoleSpec *grantee, bool is_grant, List *privileges,
             DropBehavior behavior)
{
    auto *statement = makeNode(GrantStmt);

    statement->is_grant = is_grant;
    statement->targtype = ACL_TARGET_OBJECT;
    statement->objtype = OBJECT_DATABASE;
    statement->objects = list_make1(makeString(pstrdup(database)));
    statement->privileges = privileges;
    statement->grantees = list_make1(grantee);
    statement->behavior = behavior;
    run(reinterpret_cast<Node *>(statement));
}

} // namespace appinfra::ddl
