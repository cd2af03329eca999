/* Looks for calls of closed functions. See hook_parse.hpp. */
#include "guard/hook_parse.hpp"

#include "guard/function.hpp"
#include "guard/guard.hpp"
#include "guard/pooler.hpp"
#include "guard/tree.hpp"

namespace appinfra::guard
{

static post_parse_analyze_hook_type next_post_parse_analyze;

static void post_parse_analyze(ParseState *state, Query *query, JumbleState *jumble);
static void check_call(Oid function, void *);

void
define_parse()
{
    next_post_parse_analyze = post_parse_analyze_hook;
    post_parse_analyze_hook = post_parse_analyze;
}

static void
post_parse_analyze(ParseState *state, Query *query, JumbleState *jumble)
{
    if (next_post_parse_analyze != nullptr)
        next_post_parse_analyze(state, query, jumble);
    if (pooler::is_session())
        pooler::check_query(query);
    else if (is_tenant_session() && is_active())
        tree::visit_statement(query, {.function = check_call}, nullptr);
}

/* Refused in observe mode, too: it would be so, by core. */
static void
check_call(Oid function, void *)
{
    const Verdict *found = verdict_on(function);

    if (!found->denied || pg::may_execute(function))
        return;
    Rule rule = found->rule;
    const char *name = get_func_name(function);
    refuse_always(rule, nullptr, psprintf("function %s", name != nullptr ? name : "?"));
}

} // namespace appinfra::guard
