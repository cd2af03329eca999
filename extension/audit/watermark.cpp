/* Finds out which rows are final. See watermark.hpp. */
#include "audit/watermark.hpp"

#include "base/query.hpp"

namespace appinfra::watermark
{

/* The writers that are waited for: more than these are looked at again when they are fewer. */
constexpr int writers_limit = 1024;

static Oid known_log; /* another one: another installation of the extension */
static int64 reached;
static int64 candidate; /* becomes the watermark when all `writers` have ended; 0: none */
static VirtualTransactionId writers[writers_limit];
static int writer_count;

static Oid log_table();
static int64 highest_id();
static bool collect_writers();
static bool writers_have_ended();
static std::span<const VirtualTransactionId> current_writers();
static bool is_autovacuum(const VirtualTransactionId &writer);

int64
look()
{
    if (log_table() != known_log) {
        known_log = log_table();
        reached = candidate = 0;
    }
    if (candidate != 0 && writers_have_ended()) {
        reached = candidate;
        candidate = 0;
    }
    if (candidate == 0) {
        int64 highest = highest_id();

        /*
         * The writers are collected after the highest id was read: a transaction that locks the
         * table later than that also takes its ids later, and they are higher.
         */
        if (collect_writers())
            candidate = highest;
        if (candidate != 0 && writer_count == 0) {
            reached = candidate;
            candidate = 0;
        }
    }
    return reached;
}

/* Returns the highest id that was ever taken; a sequence that a restore has set back is moved. */
static int64
highest_id()
{
    static query::Query select = {
        "SELECT last_value, coalesce((SELECT max(id) FROM appinfra.audit_log), 0)"
        "  FROM appinfra.audit_log_id_seq"};
    static query::Query move = {"SELECT setval('appinfra.audit_log_id_seq', $1)"};

    query::Rows rows = query::run(select);
    int64 taken = rows.int8(0, 1);
    int64 present = rows.int8(0, 2);
    if (present > taken)
        query::run(move, {query::int8(present)});
    return Max(taken, present);
}

/* Remembers the transactions that may still write lower ids; false when they are too many. */
static bool
collect_writers()
{
    std::span<const VirtualTransactionId> current = current_writers();

    writer_count = 0;
    if (current.size() > writers_limit)
        return false;
    for (const VirtualTransactionId &writer : current)
        if (!is_autovacuum(writer))
            writers[writer_count++] = writer;
    return true;
}

static bool
writers_have_ended()
{
    for (const VirtualTransactionId &current : current_writers())
        for (const VirtualTransactionId &writer : std::span(writers, writer_count))
            if (VirtualTransactionIdEquals(current, writer))
                return false;
    return true;
}

/* Returns the transactions that hold a lock for writing on the log: what conflicts with SHARE. */
static std::span<const VirtualTransactionId>
current_writers()
{
    LOCKTAG tag;
    int count;

    SET_LOCKTAG_RELATION(tag, MyDatabaseId, log_table());
    VirtualTransactionId *found = GetLockConflicts(&tag, ShareLock, &count);
    return {found, static_cast<size_t>(count)};
}

/* Autovacuum's lock looks like a writer's, and it may hold it for long. */
static bool
is_autovacuum(const VirtualTransactionId &writer)
{
    const PGPROC *process = pg::process_of(writer);

    return process != nullptr && (process->statusFlags & PROC_IS_AUTOVACUUM) != 0;
}

static Oid
log_table()
{
    return get_relname_relid("audit_log", get_namespace_oid("appinfra", false));
}

} // namespace appinfra::watermark
