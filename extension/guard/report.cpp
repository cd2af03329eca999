/*
 * Reports core's refusals. See report.hpp.
 *
 * The first layer of hardening is PostgreSQL's own privileges; what they refuse never reaches the
 * guard's hooks. It is named and counted where the error is sent, so that an auditor misses none.
 */
#include "guard/report.hpp"

#include "audit/events.hpp"
#include "guard/growth.hpp"
#include "guard/guard.hpp"
#include "guard/hint.hpp"

namespace appinfra::guard
{

static constexpr Rule privileges = {"privileges", "PostgreSQL's own privileges refuse it."};

static emit_log_hook_type next_emit_log;

static void emit_log(ErrorData *error);
static bool is_made_up(const ErrorData *error);

void
define_report()
{
    next_emit_log = emit_log_hook;
    emit_log_hook = emit_log;
}

/* Core calls this with the error's own memory context as the current one. */
static void
emit_log(ErrorData *error)
{
    if (error->elevel >= ERROR && error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE &&
        is_tenant_session() &&
        (error->detail == nullptr || strncmp(error->detail, "Rule \"", 6) != 0) &&
        !is_made_up(error)) {
        events::report({.action = "guard",
                        .outcome = events::Outcome::refused,
                        .rule = privileges.name,
                        .db_id = session_tenant(),
                        .credential = nullptr,
                        .object = error->message,
                        .observed = false});
        error->detail = psprintf("Rule \"%s\": %s%s%s", privileges.name, privileges.reason,
                                 error->detail != nullptr ? " " : "",
                                 error->detail != nullptr ? error->detail : "");
        /* core frees it after a FATAL */
        error->hint = pstrdup(hint::of_privileges(error->message, error->hint));
    }
    growth::explain(error);
    if (next_emit_log)
        next_emit_log(error);
}

/* Tells whether the tenant's own code raised it: plpgsql's RAISE may give any SQLSTATE. */
static bool
is_made_up(const ErrorData *error)
{
    return error->funcname != nullptr && strcmp(error->funcname, "exec_stmt_raise") == 0;
}

} // namespace appinfra::guard
