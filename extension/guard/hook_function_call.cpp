/*
 * Hooks calls of functions. See hook_function_call.hpp.
 *
 * Core asks needs_call_hook() when it resolves a function, and keeps the answer as long as what it
 * resolved; each call then passes call_hook(). So where anything may have been resolved for another
 * user, the answer must not depend on the current one. A tenant's own session does not pay: there
 * the answer is true only for what core keeps, and while the current user is no tenant's.
 */
#include "guard/hook_function_call.hpp"

#include "base/settings.hpp"
#include "guard/code.hpp"
#include "guard/guard.hpp"
#include "guard/parallel_leader.hpp"
#include "guard/session_state.hpp"
#include "guard/tenant_of.hpp"

namespace appinfra::guard
{

/* What a hook before ours may keep of its own about a resolved function, beside our count. */
struct Private {
    Datum calls;
    Datum next;
};

static int made_here_depth; /* as made_code_depth, of what was_made_here() */

static needs_fmgr_hook_type next_needs_hook;
static fmgr_hook_type next_hook;

static bool needs_call_hook(Oid function);
static void call_hook(FmgrHookEventType event, FmgrInfo *info, Datum *argument);
static void on_call(FmgrHookEventType event, Oid function, Datum *calls);
static bool was_made_here(Oid function);
static void enter_call(Oid function, Datum *calls);

void
define_function_calls()
{
    next_needs_hook = needs_fmgr_hook;
    needs_fmgr_hook = needs_call_hook;
    next_hook = fmgr_hook;
    fmgr_hook = call_hook;
}

static bool
needs_call_hook(Oid function)
{
    if (next_needs_hook != nullptr && next_needs_hook(function))
        return true;
    if (function < FirstUnpinnedObjectId)
        return false;
    const Code *code = code_of(function);
    if (is_session_of_tenant())
        return code->is_tenants && (code->is_kept || !is_role_of(GetUserId(), code->db_id));
    return code->is_tenants || (code->is_made && tenant_of_database() != nullptr);
}

/* Core gives one word for each resolved function, zero at first. A hook before ours may need it. */
static void
call_hook(FmgrHookEventType event, FmgrInfo *info, Datum *argument)
{
    if (next_hook == nullptr) {
        on_call(event, info->fn_oid, argument);
        return;
    }
    if (*argument == 0)
        *argument = PointerGetDatum(MemoryContextAllocZero(info->fn_mcxt, sizeof(Private)));
    auto *mine = reinterpret_cast<Private *>(DatumGetPointer(*argument));
    on_call(event, info->fn_oid, &mine->calls);
    next_hook(event, info, &mine->next);
}

/* The end of a call by an error comes in a transaction that has failed: nothing is looked up. */
static void
on_call(FmgrHookEventType event, Oid function, Datum *calls)
{
    if (event == FHET_START) {
        enter_call(function, calls);
    } else if (*calls > 0) {
        --*calls;
        if (--made_code_depth == 0)
            parallel_leader::note(false);
        if (was_made_here(function) && --made_here_depth == 0)
            session_state::leave(event == FHET_ABORT);
    }
}

/*
 * Functions of information_schema are made code, as whoever replaces them keeps their OIDs. They
 * leave nothing behind by themselves, and are called for each row of its views.
 */
static bool
was_made_here(Oid function)
{
    return function >= FirstNormalObjectId;
}

/*
 * Refuses or counts the call. It was counted where the same resolved function is being run already,
 * whoever has changed its owner since: each end takes away what a start has added. The refusal
 * comes before, because core reports no end of a call whose start has failed.
 */
static void
enter_call(Oid function, Datum *calls)
{
    if (settings::guard == settings::guard_off && *calls == 0)
        return;
    const Code *code = code_of(function);
    if (settings::guard != settings::guard_off)
        check_code(*code);
    if (*calls > 0 ||
        (code->is_made && !is_session_of_tenant() && tenant_of_database() != nullptr)) {
        if (was_made_here(function)) {
            if (made_here_depth == 0)
                session_state::enter(function);
            made_here_depth++;
        }
        ++*calls;
        if (made_code_depth++ == 0)
            parallel_leader::note(true);
    }
}

} // namespace appinfra::guard
