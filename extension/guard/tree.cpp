/* Walks over trees of analysed queries. See tree.hpp. */
#include "guard/tree.hpp"

#include "base/tree_walk.hpp"

namespace appinfra::guard::tree
{

struct Walk {
    const Visitors &visitors;
    void *context;
};

static bool walk(Node *node, void *argument);
static bool tell(Oid function, void *argument);
static void tell_of_relations(const Query *query, const Walk &started);
static Node *inner_of(Node *utility);

void
visit(Node *tree, const Visitors &visitors, void *context)
{
    Walk started = {.visitors = visitors, .context = context};

    walk(tree, &started);
}

void
visit_statement(Query *query, const Visitors &visitors, void *context)
{
    if (query->commandType != CMD_UTILITY)
        visit(reinterpret_cast<Node *>(query), visitors, context);
    else if (Node *inner = inner_of(query->utilityStmt))
        visit(inner, visitors, context);
}

static bool
walk(Node *node, void *argument)
{
    const auto *started = static_cast<const Walk *>(argument);

    if (node == nullptr)
        return false;
    check_stack_depth();
    if (IsA(node, Query)) {
        auto *query = reinterpret_cast<Query *>(node);

        /* of a rule's NOTIFY nothing has been analysed */
        if (query->commandType == CMD_UTILITY)
            return false;
        tell_of_relations(query, *started);
        return pg::walk_query(query, walk, argument);
    }
    if (started->visitors.function != nullptr)
        check_functions_in_node(node, tell, argument);
    if (started->visitors.call != nullptr && IsA(node, FuncExpr))
        started->visitors.call(reinterpret_cast<const FuncExpr *>(node), started->context);
    return pg::walk_expression(node, walk, argument);
}

static bool
tell(Oid function, void *argument)
{
    const auto *started = static_cast<const Walk *>(argument);

    started->visitors.function(function, started->context);
    return false;
}

static void
tell_of_relations(const Query *query, const Walk &started)
{
    ListCell *cell;

    if (started.visitors.relation == nullptr)
        return;
    foreach (cell, pg::needs_of(query)) {
        const auto *need = static_cast<const pg::RelationNeed *>(lfirst(cell));

        if (pg::is_of_relation(need))
            started.visitors.relation(need, started.context);
    }
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
