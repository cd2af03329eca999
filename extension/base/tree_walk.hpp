/* Walks over trees, as each major declares them: the part of pg.hpp that few files need. */
#pragma once

#include "base/pg.hpp"

namespace pg
{

/* A walk over a stored or analysed tree: called for each node, true ends it. */
using TreeWalker = bool (*)(Node *, void *);

#if PG_VERSION_NUM >= 160000
#define PG_TREE_WALKER(walker) walker
#else
/* 15 declares walkers without their parameters. */
#define PG_TREE_WALKER(walker)                                                                     \
    reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walker)) /* warns otherwise */
#endif

/* Walks into what the node consists of. */
inline bool
walk_expression(Node *node, TreeWalker walker, void *context)
{
    return expression_tree_walker(node, PG_TREE_WALKER(walker), context);
}

/* Walks through a query, its common table expressions and subqueries. */
inline bool
walk_query(Query *query, TreeWalker walker, void *context)
{
    return query_tree_walker(query, PG_TREE_WALKER(walker), context, 0);
}

} // namespace pg
