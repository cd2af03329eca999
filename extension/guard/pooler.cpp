/* Holds the session of a pooler's login. See pooler.hpp. */
#include "guard/pooler.hpp"

#include "base/tree_walk.hpp"
#include "guard/guard.hpp"

namespace appinfra::guard::pooler
{

static constexpr Rule rule = {"pooler", "A pooler's login reads pg_catalog." POOLER_FUNCTION
                                        "(), and does nothing else."};

static bool entered;

static bool reads_other_things(List *range_table);
static bool has_other_parts(Node *node, void *);
static bool is_other_function(Oid function, void *);
static bool is_pooler_function(Oid function);

void
enter()
{
    entered = true;
}

bool
is_session()
{
    return entered && is_tenant_session();
}

/* Also of a query without a function, such as SELECT 1, by which poolers try a connection. */
void
check_query(Query *query)
{
    if (query->commandType == CMD_UTILITY)
        return; /* check_statement() sees it */
    if (query->commandType != CMD_SELECT || query->rowMarks != NIL ||
        reads_other_things(query->rtable) || pg::walk_query(query, has_other_parts, nullptr))
        refuse_always(rule, nullptr, "query");
}

/* What poolers send to begin and end transactions and to clean a session. */
void
check_statement(const Node *statement)
{
    switch (nodeTag(statement)) {
    case T_TransactionStmt:
    case T_VariableSetStmt:
    case T_VariableShowStmt:
    case T_DiscardStmt:
    case T_DeallocateStmt:
        break;
    default:
        refuse_always(rule, nullptr,
                      GetCommandTagName(CreateCommandTag(const_cast<Node *>(statement))));
    }
}

void
check_function(Oid function)
{
    if (!is_pooler_function(function)) {
        const char *name = get_func_name(function);

        refuse_always(rule, nullptr, psprintf("function %s", name != nullptr ? name : "?"));
    }
}

/* Tells whether the query reads from anything but functions. */
static bool
reads_other_things(List *range_table)
{
    ListCell *cell;

    foreach (cell, range_table)
        if (static_cast<const RangeTblEntry *>(lfirst(cell))->rtekind != RTE_FUNCTION)
            return true;
    return false;
}

/* Tells whether the tree has a query inside, or calls another function. */
static bool
has_other_parts(Node *node, void *)
{
    if (node == nullptr)
        return false;
    return IsA(node, Query) || check_functions_in_node(node, is_other_function, nullptr) ||
           pg::walk_expression(node, has_other_parts, nullptr);
}

static bool
is_other_function(Oid function, void *)
{
    return !is_pooler_function(function);
}

/* Tells whether it is the one that hardening has made, whatever else bears its name. */
static bool
is_pooler_function(Oid function)
{
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));

    if (!HeapTupleIsValid(tuple))
        return false;
    const auto *form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    bool null;
    Datum source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &null);
    bool found = form->prolang == ClanguageId && form->pronamespace == PG_CATALOG_NAMESPACE &&
                 form->proowner == BOOTSTRAP_SUPERUSERID && !null &&
                 strcmp(TextDatumGetCString(source), POOLER_FUNCTION) == 0;

    ReleaseSysCache(tuple);
    return found;
}

} // namespace appinfra::guard::pooler
