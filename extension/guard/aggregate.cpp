/* Judges aggregates once they are made. See aggregate.hpp. */
#include "guard/aggregate.hpp"

#include "guard/function.hpp"
#include "guard/guard.hpp"

namespace appinfra::guard
{

static constexpr Rule text_rule = {
    "stored_sql", "It runs text as SQL, or changes settings, for whoever looks at what is stored."};

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
    const Verdict *found = verdict_on(aggregate);
    if (found->denied || found->shows_activity || found->runs_text) {
        Rule rule = found->denied ? found->rule : found->shows_activity ? activity_rule : text_rule;

        refuse(rule, "an aggregate of closed functions");
    }
}

} // namespace appinfra::guard
