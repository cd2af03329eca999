/* Judges aggregates once they are made. See aggregate.hpp. */
#include "guard/aggregate.hpp"

#include "guard/function.hpp"
#include "guard/guard.hpp"

namespace appinfra::guard
{

static Oid made; /* the function that was made last */

void
note_function_made(Oid function)
{
    made = function;
}

void
check_aggregate_made(const Node *statement)
{
    if (!IsA(statement, DefineStmt) || !OidIsValid(made) ||
        reinterpret_cast<const DefineStmt *>(statement)->kind != OBJECT_AGGREGATE)
        return;
    Oid aggregate = made;
    made = InvalidOid;
    CommandCounterIncrement(); /* its row is to be seen */
    if (const Rule *rule = rule_for_others(verdict_on(aggregate)))
        refuse(*rule, "an aggregate of closed functions");
}

} // namespace appinfra::guard
