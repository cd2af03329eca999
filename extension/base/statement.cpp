/* Runs statement trees. See statement.hpp. */
#include "base/statement.hpp"

#include "base/label.hpp"

namespace appinfra::statement
{

void
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

void
run_alone(Node *statement)
{
    SetCurrentStatementStartTimestamp();
    MemoryContext caller = CurrentMemoryContext;
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    run(statement, PROCESS_UTILITY_TOPLEVEL);
    /* CREATE and DROP DATABASE may have ended our snapshot's usefulness, never the snapshot itself
     */
    if (ActiveSnapshotSet())
        PopActiveSnapshot();
    CommitTransactionCommand();
    MemoryContextSwitchTo(caller);
}

void
rename(ObjectType type, const char *from, const char *to)
{
    auto *statement = makeNode(RenameStmt);

    statement->renameType = type;
    statement->subname = pstrdup(from);
    statement->newname = pstrdup(to);
    run(reinterpret_cast<Node *>(statement));
}

void
set_label(ObjectType type, const char *name, const char *text)
{
    auto *statement = makeNode(SecLabelStmt);

    statement->objtype = type;
    statement->object = text_value(name);
    statement->provider = pstrdup(label::provider);
    statement->label = text != nullptr ? pstrdup(text) : nullptr;
    run(reinterpret_cast<Node *>(statement));
}

AccessPriv *
access(const char *name)
{
    auto *access = makeNode(AccessPriv);

    access->priv_name = pstrdup(name);
    return access;
}

RoleSpec *
role_spec(const char *name)
{
    auto *spec = makeNode(RoleSpec);

    spec->roletype = ROLESPEC_CSTRING;
    spec->rolename = pstrdup(name);
    spec->location = -1;
    return spec;
}

DefElem *
option(const char *name, Node *value)
{
    return makeDefElem(pstrdup(name), value, -1);
}

Node *
text_value(const char *text)
{
    return reinterpret_cast<Node *>(makeString(pstrdup(text)));
}

} // namespace appinfra::statement
