/* Refuses what grows. See growth.hpp. */
#include "guard/growth.hpp"

#include "audit/events.hpp"
#include "guard/growing_statement.hpp"
#include "guard/hint.hpp"
#include "shmem/disk_limits.hpp"

namespace appinfra::growth
{

static constexpr guard::Rule rule = {"disk_limit",
                                     "The database uses as much disk as the platform grants it."};
static constexpr const char *message = "the database has reached its disk limit";

static void refuse_beyond_disk_limit(const char *object);

void
check_write(Oid relation)
{
    disk_limits::note_growth();
    if (unlikely(disk_limits::is_over()))
        refuse_beyond_disk_limit(psprintf("writing %s", get_rel_name(relation)));
}

void
check_statement(Node *statement)
{
    if (disk_limits::mine == nullptr)
        return;
    disk_limits::note_change();
    if (!grows(statement))
        return;
    disk_limits::note_growth();
    if (disk_limits::is_over())
        refuse_beyond_disk_limit(GetCommandTagName(CreateCommandTag(statement)));
}

void
check_function(Oid function)
{
    switch (function) {
    case F_LO_CREAT:
    case F_LO_CREATE:
    case F_LOWRITE:
    case F_LO_FROM_BYTEA:
    case F_LO_PUT:
    case F_LO_TRUNCATE:
    case F_LO_TRUNCATE64:
        disk_limits::note_growth();
        if (disk_limits::is_over())
            refuse_beyond_disk_limit(psprintf("function %s", get_func_name(function)));
        break;
    default:
        break;
    }
}

/* Core calls the hook with the error's own memory context as the current one. */
void
explain(ErrorData *error)
{
    if (error->elevel != ERROR || error->sqlerrcode != ERRCODE_QUERY_CANCELED ||
        !disk_limits::was_stopped())
        return;
    events::report({.action = "guard",
                    .outcome = events::Outcome::refused,
                    .rule = rule.name,
                    .db_id = guard::session_tenant(),
                    .credential = nullptr,
                    .object = "a statement that had begun",
                    .observed = false});
    error->sqlerrcode = ERRCODE_DISK_FULL;
    error->message = pstrdup(message);
    error->detail = psprintf("Rule \"%s\": %s", rule.name, rule.reason);
    error->hint = pstrdup(guard::hint::of(rule.name, ""));
    error->constraint_name = pstrdup(rule.name);
    error->funcname = "refuse_beyond_disk_limit";
}

/* Gateways know the refusal by this function's name, beside the SQLSTATE. */
static void
refuse_beyond_disk_limit(const char *object)
{
    if (guard::records_refusal(rule, object))
        ereport(ERROR, (errcode(ERRCODE_DISK_FULL), errmsg("%s: %s", message, object),
                        errdetail("Rule \"%s\": %s", rule.name, rule.reason),
                        errhint("%s", guard::hint::of(rule.name, object)),
                        err_generic_string(PG_DIAG_CONSTRAINT_NAME, rule.name)));
}

} // namespace appinfra::growth
