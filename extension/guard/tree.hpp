/* The functions that an analysed or stored expression or query calls, operators' and casts' too. */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard::tree
{

/* Is told each function, as often as it stands there. */
using Visitor = void (*)(Oid function, void *context);

/* Tells the visitor of each function that the tree calls by itself. */
void visit_functions(Node *tree, Visitor visitor, void *context);

/* The same of a query that a utility statement has inside, such as that of EXPLAIN. */
void visit_statement(Query *query, Visitor visitor, void *context);

} // namespace appinfra::guard::tree
