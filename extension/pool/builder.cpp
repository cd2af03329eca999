/* Makes the template and shells. See builder.hpp. */
#include "pool/builder.hpp"

#include "audit/audit.hpp"
#include "base/ddl.hpp"
#include "base/identifiers.hpp"
#include "base/label.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/secrets.hpp"
#include "delivery/floor.hpp"
#include "guard/hardening_script.hpp"
#include "pool/database_files.hpp"
#include "pool/leftovers.hpp"
#include "pool/planned_shell.hpp"
#include "pool/shell.hpp"
#include "pool/template.hpp"
#include "shmem/wakeup.hpp"
#include "workers/worker.hpp"

namespace appinfra::builder
{

using planned_shell::Planned;

static void sweep_once(Oid installed);
static bool work();
static bool next_planned(Planned *shell);
static void finish_or_give_up(Planned *shell);
static void pause_after_failure();
static bool shrink();
static bool plan();
static void record_failure(const Planned &shell, const Failure *failure);

constexpr long look_again_ms = 30 * 1000; /* when there was nothing to do */
constexpr long first_pause_ms = 1000;     /* after a failure; doubles with each in a row */
constexpr long longest_pause_ms = 60 * 1000;

constexpr int attempts_limit = 5; /* of one shell */

static int failures;      /* in a row */
static Oid swept_for;     /* the installation whose leftovers it has looked for */
static int64 swept_floor; /* its floor then: with another one, shells have become leftovers */

/*
 * Looks for leftovers, once for each installation and floor it meets. Where there is none it does
 * so only when there was one: the setting may name a wrong database, whose lack of a registry says
 * nothing.
 */
static void
sweep_once(Oid installed)
{
    bool was_dropped = MyBgworkerEntry->bgw_extra[0] != 0;
    int64 floor = 0;

    if (OidIsValid(installed))
        in_transaction([&](MemoryContext) { floor = floor::current(); });

    if (OidIsValid(installed) ? installed != swept_for || floor != swept_floor
                              : was_dropped || OidIsValid(swept_for))
        attempt(CurrentMemoryContext, [&] { leftovers::sweep(OidIsValid(installed)); });
    swept_for = installed;
    swept_floor = floor;
}

/* Does one thing and tells whether there was one to do; waits after a failure. */
static bool
work()
{
    Planned shell;

    if (const Failure *failure = attempt(CurrentMemoryContext, template_database::ensure)) {
        template_database::record_failure(failure->message);
        pause_after_failure();
        return true;
    }
    if (!next_planned(&shell))
        return plan() || shrink();
    if (const Failure *failure =
            attempt(CurrentMemoryContext, [&] { finish_or_give_up(&shell); })) {
        record_failure(shell, failure);
        pause_after_failure();
    } else {
        failures = 0;
    }
    return true;
}

/*
 * Builds the shell. One that has failed again and again (somebody dropped one of its roles), or is
 * of a former timeline, is given up: it is a leftover from then on, and another one is planned.
 */
static void
finish_or_give_up(Planned *shell)
{
    if (shell->attempts < attempts_limit) {
        planned_shell::build(shell);
        return;
    }
    planned_shell::give_up(*shell);
    leftovers::sweep(true);
}

/* Waits, longer after each failure in a row: a failed attempt may have cost a checkpoint. */
static void
pause_after_failure()
{
    worker::wait(Min(first_pause_ms << failures, longest_pause_ms));
    failures = Min(failures + 1, 10);
}

/*
 * Gives up one shell of an older hardening, or beyond what the pool and the waiting callers want,
 * after pool_size was lowered or many claims were rolled back. Once the registry does not know it,
 * it is a leftover.
 */
static bool
shrink()
{
    static query::Query remove = {"DELETE FROM appinfra.shell WHERE db_id = ("
                                  " SELECT db_id FROM appinfra.shell"
                                  "  WHERE status = 'ready' AND ($1 OR hardening <> $2)"
                                  "  ORDER BY hardening <> $2 DESC, ready_at DESC"
                                  "  LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING db_id"};
    bool removed = false;

    in_transaction([&](MemoryContext) {
        query::Rows rows = query::run(
            remove, {query::boolean(shell::has_surplus()), query::int4(hardening::version)});

        removed = rows.count > 0;
        if (removed)
            audit::record("give_up_shell", rows.text(0, 1), nullptr);
    });
    if (removed)
        leftovers::sweep(true);
    return removed;
}

/*
 * Finds the unfinished shell that has failed least. One whose database somebody dropped or renamed
 * is unfinished.
 */
static bool
next_planned(Planned *shell)
{
    static query::Query lost = {
        "UPDATE appinfra.shell SET status = 'planned', ready_at = NULL WHERE status = 'ready'"
        "   AND (database_oid, database) NOT IN (SELECT oid, datname FROM pg_catalog.pg_database)"};
    static query::Query select = {
        "SELECT db_id, database::text, database_oid, attempts FROM appinfra.shell"
        " WHERE status = 'planned' ORDER BY attempts, created_at LIMIT 1"};
    bool found = false;

    in_transaction([&](MemoryContext) {
        query::run(lost);
        query::Rows rows = query::run(select);
        found = rows.count == 1;
        if (found) {
            strlcpy(shell->db_id, rows.text(0, 1), sizeof(shell->db_id));
            strlcpy(shell->name, rows.text(0, 2), sizeof(shell->name));
            shell->database = rows.oid(0, 3);
            shell->attempts = rows.int4(0, 4);
        }
    });
    return found;
}

/* Plans a shell if there are too few: its ids, its group roles, the OID its database will have. */
static bool
plan()
{
    bool planned = false;

    static query::Query insert = {
        "INSERT INTO appinfra.shell (db_id, database, database_oid, hardening)"
        " VALUES ($1, $2, $3, $4)"};

    in_transaction([&](MemoryContext) {
        if (!shell::has_deficit())
            return;
        const char *hex = secrets::random_hex(6);
        const char *db_id = psprintf("db-%s", hex);
        const char *name = psprintf("appinfra_%s", hex);

        for (const char *access : identifiers::accesses) {
            const char *group = identifiers::group_role(name, access);

            ddl::create_group(group, strcmp(access, "service") == 0);
            ddl::label_role(group, label::of_group(db_id, access));
        }
        query::run(insert,
                   {query::text(db_id), query::text(name), query::oid(database_files::choose_oid()),
                    query::int4(hardening::version)});
        planned = true;
    });
    return planned;
}

/* Makes the failure visible in appinfra.pool. */
static void
record_failure(const Planned &shell, const Failure *failure)
{
    static query::Query update = {
        "UPDATE appinfra.shell SET attempts = attempts + 1, last_error = $2 WHERE db_id = $1"};

    attempt(CurrentMemoryContext, [&] {
        in_transaction([&](MemoryContext) {
            query::run(update, {query::text(shell.db_id), query::text(failure->message)});
        });
    });
}

} // namespace appinfra::builder

using namespace appinfra;

/* The process. */
void
appinfra_builder_main(Datum)
{
    worker::run_while_needed({.worker = wakeup::Worker::builder,
                              .pause_ms = builder::look_again_ms,
                              .begin_turn = builder::sweep_once,
                              .work = builder::work});
}
