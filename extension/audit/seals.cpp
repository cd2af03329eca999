/* Seals rows of the audit log and removes old ones. See seals.hpp. */
#include "audit/seals.hpp"

#include "audit/audit.hpp"
#include "audit/watermark.hpp"
#include "base/query.hpp"
#include "base/refusal.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"

namespace appinfra::seals
{

constexpr int rows_at_once = 10000;
constexpr int seals_removed_at_once = 20;
constexpr int64 branches_interval_ms = 10 * 60 * 1000;

static TimestampTz branches_looked_for_at;
static bool removing;

static bool seal_rows(int64 upto);
static void merge_branches();
static void insert(const char *previous, int64 after_id, int64 last_id, int64 rows);
static bool remove(int64 through, int64 seals);

bool
seal_next()
{
    bool more = false;

    in_transaction([&](MemoryContext) {
        int64 upto = watermark::look();
        TimestampTz now = GetCurrentTimestamp();

        more = seal_rows(upto);
        if (!more &&
            (branches_looked_for_at == 0 ||
             TimestampDifferenceExceeds(branches_looked_for_at, now, branches_interval_ms))) {
            merge_branches();
            branches_looked_for_at = now;
        }
    });
    return more;
}

/*
 * Whole batches go, the oldest first, and their seals stay. A row of the log says that they were
 * removed here and by nobody else; it is sealed like any other.
 */
bool
remove_old()
{
    static query::Query due = {
        "SELECT max(last_id), count(*) FROM ("
        " SELECT last_id, bool_and(sealed_at < clock_timestamp() - make_interval(secs => $1))"
        "          OVER (ORDER BY last_id, number) AS old"
        "   FROM (SELECT number, last_id, sealed_at FROM appinfra.audit_seal"
        "          WHERE last_id >= (SELECT min(id) FROM appinfra.audit_log)"
        "          ORDER BY last_id, number LIMIT $2) oldest) s WHERE old"};
    bool more = false;

    if (settings::audit_retention == 0)
        return false;
    in_transaction([&](MemoryContext) {
        query::Rows batches = query::run(
            due, {query::float8(settings::audit_retention), query::int4(seals_removed_at_once)});
        int64 seals = batches.int8(0, 2);

        if (seals > 0)
            more = remove(batches.int8(0, 1), seals) && seals == seals_removed_at_once;
    });
    return more;
}

void
refuse_change(const char *table)
{
    if (!removing)
        raise(refuse(ERRCODE_INSUFFICIENT_PRIVILEGE,
                     psprintf("rows of \"%s\" are neither changed nor removed", table),
                     "The audit log only grows, whoever asks.",
                     "appinfra.audit_retention removes what is old."));
}

/* Seals the next batch after all that are sealed; true when it was a full one. */
static bool
seal_rows(int64 upto)
{
    /*
     * The seal that the next one follows, and the last row that is sealed. The first seal begins
     * where the ids of this installation do: lower ids come from a dump, with their seals.
     */
    static query::Query head = {
        "SELECT coalesce((SELECT ARRAY[max(number)] FROM appinfra.audit_seal"
        "                 HAVING count(*) > 0), '{}')::text,"
        "       coalesce((SELECT max(last_id) FROM appinfra.audit_seal),"
        "         (SELECT seqstart - 1 FROM pg_catalog.pg_sequence"
        "           WHERE seqrelid = 'appinfra.audit_log_id_seq'::regclass))"};
    static query::Query batch = {"SELECT max(id), count(*) FROM ("
                                 " SELECT id FROM appinfra.audit_log WHERE id > $1 AND id <= $2"
                                 "  ORDER BY id LIMIT $3) b"};

    query::Rows newest = query::run(head);
    int64 after_id = newest.int8(0, 2);
    query::Rows next =
        query::run(batch, {query::int8(after_id), query::int8(upto), query::int4(rows_at_once)});
    int64 rows = next.int8(0, 2);
    if (rows > 0)
        insert(newest.text(0, 1), after_id, next.int8(0, 1), rows);
    return rows == rows_at_once;
}

/*
 * Merges a second end of the chain into the first. When a registry is restored after this
 * installation has sealed rows of its own, the restored seals end in one that no seal follows. When
 * the rows of that seal are there, one more seal follows both ends, and takes in the rows that had
 * not been sealed when the dump was made.
 */
static void
merge_branches()
{
    static query::Query tip = {
        /* both ends, and the gap: from the restored end to where the next seal's rows begin */
        "SELECT ARRAY[(SELECT max(number) FROM appinfra.audit_seal), t.number]::text, t.last_id,"
        "       (SELECT min(n.after_id) FROM appinfra.audit_seal n"
        "         WHERE n.after_id >= t.last_id AND n.number <> t.number)"
        /* t is an end: the next seal by number does not follow it, and no other seal does */
        "  FROM (SELECT *, lead(number) OVER (ORDER BY number) AS next FROM appinfra.audit_seal) t"
        "  JOIN appinfra.audit_seal n ON n.number = t.next AND t.number <> ALL (n.previous)"
        " WHERE NOT EXISTS (SELECT FROM appinfra.audit_seal c WHERE t.number = ANY (c.previous))"
        /* its rows were restored, too, or retention has removed them since */
        "   AND (t.rows = (SELECT count(*) FROM appinfra.audit_log a"
        "                   WHERE a.id > t.after_id AND a.id <= t.last_id)"
        "     OR t.last_id <= (SELECT max((detail->>'through')::bigint) FROM appinfra.audit_log"
        "                       WHERE action = 'remove_audit' AND outcome = 'done')) LIMIT 1"};
    static query::Query count = {
        "SELECT count(*) FROM appinfra.audit_log WHERE id > $1 AND id <= $2"};

    query::Rows found = query::run(tip);
    if (found.count == 0 || found.is_null(0, 3))
        return;
    int64 after_id = found.int8(0, 2);
    int64 last_id = found.int8(0, 3);
    query::Rows rows = query::run(count, {query::int8(after_id), query::int8(last_id)});
    insert(found.text(0, 1), after_id, last_id, rows.int8(0, 1));
}

/* Makes the seal of the rows above after_id, up to last_id. */
static void
insert(const char *previous, int64 after_id, int64 last_id, int64 rows)
{
    static query::Query seal = {
        "INSERT INTO appinfra.audit_seal (number, previous, after_id, last_id, rows, sealed_at,"
        "       hash)"
        " SELECT n.number, $1::bigint[], $2, $3, $4, n.time,"
        "        appinfra.audit_hash(n.number, $1::bigint[], $2, $3, $4, n.time)"
        "   FROM (SELECT t.time, greatest((extract(epoch FROM t.time) * 1000000)::bigint,"
        "                  (SELECT max(number) + 1 FROM appinfra.audit_seal)) AS number"
        "           FROM (SELECT clock_timestamp() AS time) t) n"};

    query::run(seal, {query::text(previous), query::int8(after_id), query::int8(last_id),
                      query::int8(rows)});
}

/* Removes the rows of the batches up to an id; false when there were none. */
static bool
remove(int64 through, int64 seals)
{
    static query::Query rows = {
        "DELETE FROM appinfra.audit_log a USING appinfra.audit_seal s"
        " WHERE a.id <= $1 AND s.last_id <= $1 AND a.id > s.after_id AND a.id <= s.last_id"
        "   AND s.last_id >= (SELECT min(id) FROM appinfra.audit_log)"};
    uint64 count = 0;

    removing = true;
    PG_TRY();
    {
        count = query::run(rows, {query::int8(through)}).count;
    }
    PG_FINALLY();
    {
        removing = false;
    }
    PG_END_TRY();
    if (count > 0)
        audit::record("remove_audit", nullptr, nullptr,
                      audit::detail({{"through", psprintf(INT64_FORMAT, through)},
                                     {"rows", psprintf(UINT64_FORMAT, count)},
                                     {"seals", psprintf(INT64_FORMAT, seals)},
                                     {"retention", psprintf("%d s", settings::audit_retention)}}));
    return count > 0;
}

} // namespace appinfra::seals
