/* What an analysed or stored expression or query uses: functions, operators' and casts' too,
 * tables. */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard::tree
{

/* Who is told of what stands in a tree, as often as it stands there. Null pointers: nobody. */
struct Visitors {
    void (*function)(Oid function, void *context) = nullptr;
    void (*call)(const FuncExpr *call, void *context) = nullptr; /* with its arguments */
    void (*relation)(const pg::RelationNeed *need, void *context) = nullptr;
};

/* Tells the visitors of what the tree uses by itself. */
void visit(Node *tree, const Visitors &visitors, void *context);

/* The same of a query that a utility statement has inside, such as that of EXPLAIN. */
void visit_statement(Query *query, const Visitors &visitors, void *context);

} // namespace appinfra::guard::tree
