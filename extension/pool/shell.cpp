/* Takes shells out of the pool. See shell.hpp. */
#include "pool/shell.hpp"

#include "base/query.hpp"
#include "base/refusal.hpp"
#include "base/settings.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::shell
{

static bool try_take(Shell *shell);
static void wait_and_take(void *shell);
static const Refusal *exhausted();

/* A waiting caller looks by itself this often, should an announcement be missed. */
constexpr long look_again_ms = 1000;

/*
 * A shell whose database somebody dropped or renamed must not refuse every caller: the builder
 * makes it anew. Written so that the index is used, however many databases there are.
 */
#define DATABASE_IS_THERE                                                                          \
    "(SELECT true FROM pg_catalog.pg_database d"                                                   \
    "  WHERE d.oid = database_oid AND d.datname = database)"

Shell
take()
{
    Shell shell;

    wakeup::wake_at_commit(wakeup::Work::pool);
    if (!try_take(&shell))
        wakeup::while_waiting(wait_and_take, &shell);
    return shell;
}

/*
 * A row that an open transaction has deleted is still visible. Were it counted, a caller that takes
 * more shells than the pool holds, in one transaction, would wait for ever.
 */
int64
claimable()
{
    static query::Query count = {"SELECT count(*) FROM appinfra.shell"
                                 " WHERE status = 'ready' AND NOT appinfra.is_running(xmax)"
                                 "   AND " DATABASE_IS_THERE};

    return query::run(count).int8(0, 1);
}

bool
has_deficit()
{
    return claimable() < settings::pool_size + wakeup::waiting_callers();
}

bool
has_surplus()
{
    return claimable() > settings::pool_size + wakeup::waiting_callers();
}

/*
 * Takes a ready shell if there is one. A session inside it (autovacuum) would make the rename wait,
 * so shells that have one come last.
 */
static bool
try_take(Shell *shell)
{
    static query::Query take_one = {
        "DELETE FROM appinfra.shell WHERE db_id = ("
        " SELECT db_id FROM appinfra.shell WHERE status = 'ready' AND " DATABASE_IS_THERE
        "  ORDER BY appinfra.has_sessions(database_oid), ready_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
        " RETURNING db_id, database::text, database_oid, hardening"};

    query::Rows taken = query::run(take_one);
    if (taken.count == 0)
        return false;
    *shell = {.db_id = taken.text(0, 1),
              .database = taken.text(0, 2),
              .database_oid = taken.oid(0, 3),
              .hardening = taken.int4(0, 4)};
    return true;
}

/* Waits until a shell could be taken, or raises when the time is over. */
static void
wait_and_take(void *shell)
{
    TimestampTz deadline =
        TimestampTzPlusMilliseconds(GetCurrentTimestamp(), settings::provision_timeout);

    wakeup::add_work(wakeup::Work::pool);
    wakeup::prepare_to_sleep_for_shell();
    while (!try_take(static_cast<Shell *>(shell))) {
        long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);

        if (left <= 0)
            raise(exhausted());
        wakeup::sleep_for_shell(Min(left, look_again_ms));
    }
    wakeup::stop_sleeping_for_shell();
}

/* Returns the refusal of a caller that waited in vain; its detail says why no shell was built. */
static const Refusal *
exhausted()
{
    static query::Query why = {
        "SELECT coalesce((SELECT last_error FROM appinfra.template),"
        "  (SELECT last_error FROM appinfra.shell WHERE last_error IS NOT NULL"
        "    ORDER BY created_at DESC LIMIT 1))"};
    const char *detail = "Shells are being built, but none was free in time.";

    query::Rows error = query::run(why);
    if (!error.is_null(0, 1))
        detail = psprintf("Building shells fails: %s", error.text(0, 1));
    else if (!wakeup::is_running(wakeup::Worker::scheduler))
        detail = "The appinfra worker is not running.";
    else if (!wakeup::is_running(wakeup::Worker::builder))
        detail = "The builder is not running: no background worker slot may be free for it "
                 "(max_worker_processes).";
    return refuse(ERRCODE_INSUFFICIENT_RESOURCES,
                  psprintf("no database is ready after %d ms", settings::provision_timeout), detail,
                  "Look at appinfra.pool, raise appinfra.pool_size or appinfra.provision_timeout, "
                  "and try again.");
}

} // namespace appinfra::shell
