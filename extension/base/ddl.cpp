/* Statement trees for roles. See ddl.hpp. */
#include "base/ddl.hpp"

#include "base/statement.hpp"

namespace appinfra::ddl
{

using namespace statement;

static void alter_role(const char *role, List *options);

void
create_group(const char *name, bool bypass_rls)
{
    auto *statement = makeNode(CreateRoleStmt);

    statement->stmt_type = ROLESTMT_ROLE;
    statement->role = pstrdup(name);
    statement->options =
        list_make3(option("canlogin", reinterpret_cast<Node *>(makeBoolean(false))),
                   option("inherit", reinterpret_cast<Node *>(makeBoolean(false))),
                   option("bypassrls", reinterpret_cast<Node *>(makeBoolean(bypass_rls))));
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

void
disable_login(const char *login, const char *group)
{
    auto *statement = makeNode(GrantRoleStmt);

    alter_role(login, list_make2(option("canlogin", reinterpret_cast<Node *>(makeBoolean(false))),
                                 option("password", nullptr)));
    if (!OidIsValid(get_role_oid(group, true)))
        return; /* somebody has dropped it */
    statement->granted_roles = list_make1(access(group));
    statement->grantee_roles = list_make1(role_spec(login));
    statement->is_grant = false;
    run(reinterpret_cast<Node *>(statement));
}

void
close_login(const char *login)
{
    alter_role(login, list_make1(option("canlogin", reinterpret_cast<Node *>(makeBoolean(false)))));
}

void
set_valid_until(const char *login, TimestampTz time)
{
    alter_role(login, list_make1(option("validUntil", text_value(timestamptz_to_str(time)))));
}

/*
 * Written into the row, not by ALTER ROLE … PASSWORD: that first computes another SCRAM verifier,
 * to find out whether the password is empty, which doubles the time of a claim. Ours never is.
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
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("role \"%s\" does not exist", login)));
    replace[Anum_pg_authid_rolpassword - 1] = true;
    if (verifier != nullptr)
        values[Anum_pg_authid_rolpassword - 1] = CStringGetTextDatum(verifier);
    else
        nulls[Anum_pg_authid_rolpassword - 1] = true;
    HeapTuple changed = heap_modify_tuple(role, RelationGetDescr(relation), values, nulls, replace);
    CatalogTupleUpdate(relation, &changed->t_self, changed);
    ReleaseSysCache(role);
    table_close(relation, NoLock);
    CommandCounterIncrement();
}

void
rename_role(const char *from, const char *to)
{
    rename(OBJECT_ROLE, from, to);
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

static void
alter_role(const char *role, List *options)
{
    auto *statement = makeNode(AlterRoleStmt);

    statement->role = role_spec(role);
    statement->options = options;
    statement->action = +1;
    run(reinterpret_cast<Node *>(statement));
}

} // namespace appinfra::ddl
