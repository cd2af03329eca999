/*
 * Denials about roles: a tenant names its own group roles only. See denials.hpp.
 *
 * A grant to a login, a policy that names one, an object it owns: each would stand in the way of
 * dropping the login, or survive it. And nothing goes to roles of others.
 */
#include "guard/denials.hpp"

#include "guard/guard.hpp"

namespace appinfra::guard::denials
{

static bool has_outsider(const List *roles);
static bool is_outsider(const RoleSpec *role);

bool
grants_to_outsider(const Node *statement)
{
    const auto *grant = reinterpret_cast<const GrantStmt *>(statement);

    return grant->is_grant && has_outsider(grant->grantees);
}

bool
defaults_for_outsider(const Node *statement)
{
    const auto *defaults = reinterpret_cast<const AlterDefaultPrivilegesStmt *>(statement);
    ListCell *cell;

    foreach (cell, defaults->options) {
        const auto *option = static_cast<const DefElem *>(lfirst(cell));

        if (strcmp(option->defname, "roles") == 0 && IsA(option->arg, List) &&
            has_outsider(castNode(List, option->arg)))
            return true;
    }
    return defaults->action != nullptr && defaults->action->is_grant &&
           has_outsider(defaults->action->grantees);
}

bool
names_outsider_in_policy(const Node *statement)
{
    return has_outsider(IsA(statement, CreatePolicyStmt)
                            ? reinterpret_cast<const CreatePolicyStmt *>(statement)->roles
                            : reinterpret_cast<const AlterPolicyStmt *>(statement)->roles);
}

/* OWNER TO and CREATE SCHEMA AUTHORIZATION. */
bool
gives_to_outsider(const Node *statement)
{
    ListCell *cell;

    if (IsA(statement, AlterOwnerStmt))
        return is_outsider(reinterpret_cast<const AlterOwnerStmt *>(statement)->newowner);
    if (IsA(statement, CreateSchemaStmt))
        return is_outsider(reinterpret_cast<const CreateSchemaStmt *>(statement)->authrole);
    foreach (cell, reinterpret_cast<const AlterTableStmt *>(statement)->cmds) {
        const auto *command = static_cast<const AlterTableCmd *>(lfirst(cell));

        if (command->subtype == AT_ChangeOwner && is_outsider(command->newowner))
            return true;
    }
    return false;
}

static bool
has_outsider(const List *roles)
{
    ListCell *cell;

    foreach (cell, roles)
        if (is_outsider(static_cast<const RoleSpec *>(lfirst(cell))))
            return true;
    return false;
}

/*
 * PUBLIC is inside. SESSION_USER is the login, so it is not; CURRENT_USER is what the session has
 * become. A role that does not exist is core's to refuse.
 */
static bool
is_outsider(const RoleSpec *role)
{
    Oid oid = InvalidOid;

    if (role == nullptr)
        return false;
    switch (role->roletype) {
    case ROLESPEC_PUBLIC:
        return false;
    case ROLESPEC_CURRENT_ROLE:
    case ROLESPEC_CURRENT_USER:
        oid = GetUserId();
        break;
    case ROLESPEC_SESSION_USER:
        oid = GetSessionUserId();
        break;
    case ROLESPEC_CSTRING:
        oid = get_role_oid(role->rolename, true);
        break;
    }
    return OidIsValid(oid) && !is_own_group(oid);
}

} // namespace appinfra::guard::denials
