/* Builds and runs statement trees for roles and databases. See ddl.hpp. */
#include "ddl.hpp"

#include "label.hpp"

namespace appinfra::ddl
{

static void run(Node *statement, ProcessUtilityContext context = PROCESS_UTILITY_QUERY);
static void run_alone(Node *statement);
static void alter_database(const char *database, DefElem *option);
static void set_label(ObjectType type, const char *name, const char *text);
static AccessPriv *access(const char *name);
static RoleSpec *role_spec(const char *name);
static DefElem *option(const char *name, Node *value);
static Node *text_value(const char *text);

void
create_group(const char *name, bool bypass_rls)
{
    auto *statement = makeNode(CreateRoleStmt);

    statement->stmt_type = ROLESTMT_ROLE;
    statement->role = pstrdup(name);
    statement->options = list_make3(option("canlogin", reinterpret_cast<Node *>(makeBoolean(false))),
                                    option("inherit", reinterpret_cast<Node *>(makeBoolean(false))),
                                    option("bypassrls",
                                           reinterpret_cast<Node *>(makeBoolean(bypass_rls))));
    run(reinterpret_cast<Node *>(statement));
}

void
create_login(const char *name, const char *group)
{
    auto *statement = makeNode(CreateRoleStmt);

    statement->stmt_type = ROLESTMT_ROLE;
    statement->role = pstrdup(name);
    statement->options =
        list_make3(option("canlogin", reinterpret_cast<Node *>(makeBoolean(true))),
                   option("inherit", reinterpret_cast<Node *>(makeBoolean(false))),
                   option("addroleto", reinterpret_cast<Node *>(list_make1(role_spec(group)))));
    run(reinterpret_cast<Node *>(statement));
}

static void
alter_role(const char *role, List *options)
{
    auto *statement = makeNode(AlterRoleStmt);

    statement->role = role_spec(role);
    statement->options = options;
    statement->action = +1;
    run(reinterpret_cast<Node *>(statement));
}

void
disable_login(const char *login, const char *group)
{
    auto *statement = makeNode(GrantRoleStmt);

    alter_role(login,
               list_make2(option("canlogin", reinterpret_cast<Node *>(makeBoolean(false))),
                          option("password", nullptr)));
    statement->granted_roles = list_make1(access(group));
    statement->grantee_roles = list_make1(role_spec(login));
    statement->is_grant = false;
    run(reinterpret_cast<Node *>(statement));
}

void
set_valid_until(const char *login, TimestampTz time)
{
    alter_role(login, list_make1(option("validUntil", text_value(timestamptz_to_str(time)))));
}

/*
 * Written into the row, not by ALTER ROLE … PASSWORD: that first computes another SCRAM verifier, to
 * find out whether the password is empty, which doubles the time of a claim. Ours never is.
 */
void
set_password(const char *login, const char *verifier)
{
    Relation relation = table_open(AuthIdRelationId, RowExclusiveLock);
    HeapTuple role = SearchSysCache1(AUTHNAME, CStringGetDatum(login));
    Datum values[Natts_pg_authid] = {};
    bool nulls[Natts_pg_authid] = {};
    bool replace[Natts_pg_authid] = {};

    if (!HeapTupleIsValid(role))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("role \"%s\" does not exist", login)));
    replace[Anum_pg_authid_rolpassword - 1] = true;
    if (verifier != nullptr)
        values[Anum_pg_authid_rolpassword - 1] = CStringGetTextDatum(verifier);
    else
        nulls[Anum_pg_authid_rolpassword - 1] = true;
    HeapTuple changed =
        heap_modify_tuple(role, RelationGetDescr(relation), values, nulls, replace);
    CatalogTupleUpdate(relation, &changed->t_self, changed);
    ReleaseSysCache(role);
    table_close(relation, NoLock);
    CommandCounterIncrement();
}

/*
 * Written as one row, not by ALTER ROLE … SET: that refuses "role" inside SECURITY DEFINER, warns
 * about what the session user could not do, and rewrites the row once per setting. The values come
 * from checked settings and from roles that exist.
 */
void
set_settings(const char *login, std::span<const Setting> settings)
{
    Oid role = get_role_oid(login, false);
    Relation relation = table_open(DbRoleSettingRelationId, RowExclusiveLock);
    auto *texts = static_cast<Datum *>(palloc(settings.size() * sizeof(Datum)));
    Datum values[Natts_pg_db_role_setting] = {};
    bool nulls[Natts_pg_db_role_setting] = {};
    int count = 0;

    for (const Setting &setting : settings)
        texts[count++] = CStringGetTextDatum(psprintf("%s=%s", setting.name, setting.value));
    DropSetting(InvalidOid, role);
    CommandCounterIncrement();
    values[Anum_pg_db_role_setting_setdatabase - 1] = ObjectIdGetDatum(InvalidOid);
    values[Anum_pg_db_role_setting_setrole - 1] = ObjectIdGetDatum(role);
    values[Anum_pg_db_role_setting_setconfig - 1] =
        PointerGetDatum(construct_array(texts, count, TEXTOID, -1, false, TYPALIGN_INT));
    HeapTuple tuple = heap_form_tuple(RelationGetDescr(relation), values, nulls);
    CatalogTupleInsert(relation, tuple);
    table_close(relation, NoLock);
    CommandCounterIncrement();
}

static void
rename(ObjectType type, const char *from, const char *to)
{
    auto *statement = makeNode(RenameStmt);

    statement->renameType = type;
    statement->subname = pstrdup(from);
    statement->newname = pstrdup(to);
    run(reinterpret_cast<Node *>(statement));
}

void
rename_role(const char *from, const char *to)
{
    rename(OBJECT_ROLE, from, to);
}

void
rename_database(const char *from, const char *to)
{
    rename(OBJECT_DATABASE, from, to);
}

void
drop_role(const char *name)
{
    auto *statement = makeNode(DropRoleStmt);

    statement->roles = list_make1(role_spec(name));
    run(reinterpret_cast<Node *>(statement));
}

void
label_role(const char *name, const char *label)
{
    set_label(OBJECT_ROLE, name, label);
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
    HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(get_database_oid(database, false)));

    if (!HeapTupleIsValid(tuple))
        elog(ERROR, "database \"%s\" has vanished", database);
    bool marked = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple))->datistemplate;
    ReleaseSysCache(tuple);
    if (marked != is_template)
        alter_database(database,
                       option("is_template", reinterpret_cast<Node *>(makeBoolean(is_template))));
}

static void
change_grant(const char *database, RoleSpec *grantee, bool is_grant, List *privileges)
{
    auto *statement = makeNode(GrantStmt);

    statement->is_grant = is_grant;
    statement->targtype = ACL_TARGET_OBJECT;
    statement->objtype = OBJECT_DATABASE;
    statement->objects = list_make1(makeString(pstrdup(database)));
    statement->privileges = privileges;
    statement->grantees = list_make1(grantee);
    statement->behavior = DROP_RESTRICT;
    run(reinterpret_cast<Node *>(statement));
}

void
grant_on_database(const char *database, const char *role,
                  std::initializer_list<const char *> privileges)
{
    List *list = NIL;

    for (const char *privilege : privileges)
        list = lappend(list, access(privilege));
    change_grant(database, role_spec(role), true, list);
}

void
revoke_connect(const char *database, const char *role)
{
    change_grant(database, role_spec(role), false, list_make1(access("connect")));
}

void
close_database(const char *database)
{
    auto *everyone = makeNode(RoleSpec);

    everyone->roletype = ROLESPEC_PUBLIC;
    everyone->location = -1;
    change_grant(database, everyone, false, NIL);
}

void
create_database(const NewDatabase &database)
{
    auto *statement = makeNode(CreatedbStmt);
    List *options = NIL;

    options = lappend(options, option("template", text_value(database.source)));
    /* an OID above 2^31 is no Integer node */
    options = lappend(options, option("oid", reinterpret_cast<Node *>(
                                                 makeFloat(psprintf("%u", database.oid)))));
    options = lappend(
        options, option("allow_connections", reinterpret_cast<Node *>(makeBoolean(false))));
    options = lappend(options, option("connection_limit", reinterpret_cast<Node *>(makeInteger(
                                                              database.connection_limit))));
    if (database.encoding != nullptr)
        options = lappend(options, option("encoding", text_value(database.encoding)));
    if (database.locale != nullptr)
        options = lappend(options, option("locale", text_value(database.locale)));
    statement->dbname = pstrdup(database.name);
    statement->options = options;
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

void
drop_database(const char *name)
{
    auto *statement = makeNode(DropdbStmt);

    statement->dbname = pstrdup(name);
    run_alone(reinterpret_cast<Node *>(statement));
}

/* Runs a statement that PostgreSQL allows only outside a transaction block. */
static void
run_alone(Node *statement)
{
    SetCurrentStatementStartTimestamp();
    MemoryContext caller = CurrentMemoryContext;
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    run(statement, PROCESS_UTILITY_TOPLEVEL);
    /* CREATE and DROP DATABASE may have ended our snapshot's usefulness, never the snapshot itself */
    if (ActiveSnapshotSet())
        PopActiveSnapshot();
    CommitTransactionCommand();
    MemoryContextSwitchTo(caller);
}

/* Runs one statement tree and makes its effect visible. */
static void
run(Node *statement, ProcessUtilityContext context)
{
    auto *planned = makeNode(PlannedStmt);
    QueryCompletion completion;

    planned->commandType = CMD_UTILITY;
    planned->utilityStmt = statement;
    planned->stmt_location = -1;
    planned->canSetTag = false;
    InitializeQueryCompletion(&completion);
    ProcessUtility(planned, "appinfra", false, context, nullptr, nullptr, None_Receiver,
                   &completion);
    CommandCounterIncrement();
}

static void
alter_database(const char *database, DefElem *option)
{
    auto *statement = makeNode(AlterDatabaseStmt);

    statement->dbname = pstrdup(database);
    statement->options = list_make1(option);
    run(reinterpret_cast<Node *>(statement));
}

static void
set_label(ObjectType type, const char *name, const char *text)
{
    auto *statement = makeNode(SecLabelStmt);

    statement->objtype = type;
    statement->object = text_value(name);
    statement->provider = pstrdup(label::provider);
    statement->label = text != nullptr ? pstrdup(text) : nullptr;
    run(reinterpret_cast<Node *>(statement));
}

/* Returns a privilege, or the name of a granted role. */
static AccessPriv *
access(const char *name)
{
    auto *access = makeNode(AccessPriv);

    access->priv_name = pstrdup(name);
    return access;
}

static RoleSpec *
role_spec(const char *name)
{
    auto *spec = makeNode(RoleSpec);

    spec->roletype = ROLESPEC_CSTRING;
    spec->rolename = pstrdup(name);
    spec->location = -1;
    return spec;
}

static DefElem *
option(const char *name, Node *value)
{
    return makeDefElem(pstrdup(name), value, -1);
}

static Node *
text_value(const char *text)
{
    return reinterpret_cast<Node *>(makeString(pstrdup(text)));
}

} // namespace appinfra::ddl
