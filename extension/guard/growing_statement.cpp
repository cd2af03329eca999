/* The statements that do not grow. See growing_statement.hpp. */
#include "guard/growing_statement.hpp"

namespace appinfra::growth
{

static bool has_option(const List *options, const char *name);
static bool explains_growth(const ExplainStmt *explain);
static bool alters_with_growth(const AlterTableStmt *alter);
static bool is_growing(const AlterTableCmd *command);
static bool fills(const ColumnDef *column);
static bool is_constant(const Node *expression);

bool
grows(const Node *statement)
{
    switch (nodeTag(statement)) {
    case T_TransactionStmt:
    case T_VariableSetStmt:
    case T_VariableShowStmt:
    case T_DeclareCursorStmt:
    case T_FetchStmt:
    case T_ClosePortalStmt:
    case T_PrepareStmt:
    case T_ExecuteStmt:
    case T_DeallocateStmt:
    case T_DiscardStmt:
    case T_ListenStmt:
    case T_UnlistenStmt:
    case T_NotifyStmt:
    case T_LockStmt:
    case T_ConstraintsSetStmt:
    case T_CheckPointStmt:
    case T_LoadStmt:
    /* what they run is checked when it runs */
    case T_CopyStmt:
    case T_DoStmt:
    case T_CallStmt:
    /* what gives space back */
    case T_DropStmt:
    case T_DropOwnedStmt:
    case T_TruncateStmt:
    /* a row of a catalog is written anew, with nothing of the client's choice but a name */
    case T_RenameStmt:
    case T_AlterOwnerStmt:
    case T_AlterObjectSchemaStmt:
    case T_GrantStmt:
    case T_AlterDefaultPrivilegesStmt:
        return false;
    case T_VacuumStmt:
        return has_option(reinterpret_cast<const VacuumStmt *>(statement)->options, "full");
    case T_ExplainStmt:
        return explains_growth(reinterpret_cast<const ExplainStmt *>(statement));
    case T_AlterTableStmt:
        return alters_with_growth(reinterpret_cast<const AlterTableStmt *>(statement));
    default:
        return true;
    }
}

static bool
has_option(const List *options, const char *name)
{
    ListCell *cell;

    foreach (cell, options) {
        auto *option = static_cast<DefElem *>(lfirst(cell));

        if (strcmp(option->defname, name) == 0)
            return defGetBoolean(option);
    }
    return false;
}

/* EXPLAIN ANALYZE makes the table of a CREATE TABLE AS, without executing that as a statement. */
static bool
explains_growth(const ExplainStmt *explain)
{
    const auto *query = reinterpret_cast<const Query *>(explain->query);

    return IsA(query, Query) && query->commandType == CMD_UTILITY &&
           (IsA(query->utilityStmt, CreateTableAsStmt)) && has_option(explain->options, "analyze");
}

static bool
alters_with_growth(const AlterTableStmt *alter)
{
    ListCell *cell;

    foreach (cell, alter->cmds)
        if (is_growing(static_cast<const AlterTableCmd *>(lfirst(cell))))
            return true;
    return false;
}

static bool
is_growing(const AlterTableCmd *command)
{
    switch (command->subtype) {
    case AT_ColumnDefault:
    case AT_DropNotNull:
    case AT_SetNotNull:
    case AT_DropExpression:
    case AT_SetStatistics:
    case AT_SetOptions:
    case AT_ResetOptions:
    case AT_SetStorage:
    case AT_DropColumn:
    case AT_DropConstraint:
    case AT_ValidateConstraint:
    case AT_AlterConstraint:
    case AT_ChangeOwner:
    case AT_ClusterOn:
    case AT_DropCluster:
    case AT_SetRelOptions:
    case AT_ResetRelOptions:
    case AT_ReplaceRelOptions:
    case AT_EnableTrig:
    case AT_EnableAlwaysTrig:
    case AT_EnableReplicaTrig:
    case AT_DisableTrig:
    case AT_EnableTrigAll:
    case AT_DisableTrigAll:
    case AT_EnableTrigUser:
    case AT_DisableTrigUser:
    case AT_EnableRule:
    case AT_DisableRule:
    case AT_AddInherit:
    case AT_DropInherit:
    case AT_ReplicaIdentity:
    case AT_EnableRowSecurity:
    case AT_DisableRowSecurity:
    case AT_ForceRowSecurity:
    case AT_NoForceRowSecurity:
    case AT_DetachPartition:
    case AT_DetachPartitionFinalize:
    case AT_SetIdentity:
    case AT_DropIdentity:
        return false;
    case AT_AddColumn:
        return fills(reinterpret_cast<const ColumnDef *>(command->def));
    case AT_AddConstraint: {
        const auto *constraint = reinterpret_cast<const Constraint *>(command->def);

        return constraint->contype == CONSTR_PRIMARY || constraint->contype == CONSTR_UNIQUE ||
               constraint->contype == CONSTR_EXCLUSION;
    }
    default:
        return true;
    }
}

/*
 * Tells whether adding the column rewrites the table or builds an index. A column without a default
 * or with a constant one does neither, unless its type is a domain, or one of the serial words.
 */
static bool
fills(const ColumnDef *column)
{
    ListCell *cell;

    foreach (cell, column->constraints) {
        const auto *constraint = static_cast<const Constraint *>(lfirst(cell));

        if (constraint->contype == CONSTR_DEFAULT
                ? !is_constant(constraint->raw_expr)
                : constraint->contype != CONSTR_NOTNULL && constraint->contype != CONSTR_NULL &&
                      constraint->contype != CONSTR_CHECK && constraint->contype != CONSTR_FOREIGN)
            return true;
    }
    Type type = column->typeName != nullptr
                    ? LookupTypeName(nullptr, column->typeName, nullptr, true)
                    : nullptr;
    if (type == nullptr)
        return true;
    bool is_domain = reinterpret_cast<Form_pg_type>(GETSTRUCT(type))->typtype == TYPTYPE_DOMAIN;
    ReleaseSysCache(type);
    return is_domain;
}

static bool
is_constant(const Node *expression)
{
    while (expression != nullptr && IsA(expression, TypeCast))
        expression = reinterpret_cast<const TypeCast *>(expression)->arg;
    return expression == nullptr || IsA(expression, A_Const);
}

} // namespace appinfra::growth
