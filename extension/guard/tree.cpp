/* Walks over trees of analysed queries. See tree.hpp. */
#include "guard/tree.hpp"

#include "base/tree_walk.hpp"

namespace appinfra::guard::tree
{

struct Walk {
    Visitor visitor;
    void *context;
};

static bool walk(Node *node, void *argument);
static bool tell(Oid function, void *argument);
static Node *inner_of(Node *utility);

void
visit_functions(Node *tree, Visitor visitor, void *context)
{
    Walk started = {.visitor = visitor, .context = context};

    walk(tree, &started);
}

void
visit_statement(Query *query, Visitor visitor, void *context)
{
    if (query->commandType != CMD_UTILITY)
        visit_functions(reinterpret_cast<Node *>(query), visitor, context);
    else if (Node *inner = inner_of(query->utilityStmt))
        visit_functions(inner, visitor, context);
}

static bool
walk(Node *node, void *argument)
{
    if (node == nullptr)
        return false;
    check_stack_depth();
    if (IsA(node, Query)) {
        auto *query = reinterpret_cast<Query *>(node);

        /* of a rule's NOTIFY nothing has been analysed */
        return query->commandType != CMD_UTILITY && pg::walk_query(query, walk, argument);
    }
    check_functions_in_node(node, tell, argument);
    return pg::walk_expression(node, walk, argument);
}

static bool
tell(Oid function, void *argument)
{
    const auto *started = static_cast<const Walk *>(argument);

    started->visitor(function, started->context);
    return false;
}

/* Returns what of the utility statement has been analysed with it, or null. */
static Node *
inner_of(Node *utility)
{
    Node *inner = nullptr;

    switch (nodeTag(utility)) {
    case T_ExplainStmt:
        inner = reinterpret_cast<ExplainStmt *>(utility)->query;
        break;
    case T_DeclareCursorStmt:
        inner = reinterpret_cast<DeclareCursorStmt *>(utility)->query;
        break;
    case T_CreateTableAsStmt:
        inner = reinterpret_cast<CreateTableAsStmt *>(utility)->query;
        break;
    case T_CallStmt:
        return reinterpret_cast<Node *>(reinterpret_cast<CallStmt *>(utility)->funcexpr);
    default:
        return nullptr;
    }
    if (inner == nullptr || !IsA(inner, Query))
        return nullptr;
    auto *query = reinterpret_cast<Query *>(inner);
    return query->commandType == CMD_UTILITY ? inner_of(query->utilityStmt) : inner;
}

} // namespace appinfra::guard::tree
