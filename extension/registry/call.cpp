/* Reads and writes the table of calls. See call.hpp. */
#include "registry/call.hpp"

#include "base/query.hpp"
#include "base/settings.hpp"

namespace appinfra::call
{

/* The most rows that one turn of the scheduler changes. */
#define ROWS_AT_ONCE "5000"
constexpr uint64 rows_at_once = 5000;

/* What became of the transaction of call c, in SQL; NULL: not known. */
#define FATE                                                                                       \
    "CASE WHEN c.outcome IS NOT NULL THEN c.outcome WHEN c.xid IS NULL THEN 'nothing'"             \
    "     WHEN c.host_id = h.host_id THEN pg_catalog.pg_xact_status(c.xid) END"

static Fate fate_of(const char *word);

int64
reserve(const Attempt &attempt)
{
    static query::Query insert = {
        "INSERT INTO appinfra.call (host_id, db_id, key_id, line, idempotency_key, request_hash,"
        "       request_id, endpoint, gateway, xid, pid, expires_at)"
        " SELECT host_id, $1, $2, $3, $4, $5, $6, $7, $8, $9, nullif($10, 0),"
        "        clock_timestamp() + make_interval(secs => $11) FROM appinfra.host"
        " ON CONFLICT (line, idempotency_key) DO NOTHING RETURNING call_id"};
    query::Rows rows = query::run(
        insert, {query::text(attempt.db_id), query::text(attempt.key_id), query::text(attempt.line),
                 query::text(attempt.idempotency_key), query::bytes(attempt.request_hash),
                 query::text(attempt.request_id), query::text(attempt.endpoint),
                 query::text(attempt.gateway), query::xid8(attempt.xid), query::int4(attempt.pid),
                 query::float8(settings::call_retention)});

    return rows.count == 0 ? 0 : rows.int8(0, 1);
}

void
run_again(int64 call_id, const Attempt &attempt)
{
    static query::Query update = {
        "UPDATE appinfra.call SET host_id = (SELECT host_id FROM appinfra.host), key_id = $2,"
        "       request_hash = $3, request_id = $4, endpoint = $5, gateway = $6, xid = $7,"
        "       pid = nullif($8, 0), state = 'running', outcome = NULL, status = NULL, body = NULL,"
        "       started_at = clock_timestamp(), finished_at = NULL,"
        "       expires_at = clock_timestamp() + make_interval(secs => $9) WHERE call_id = $1"};

    query::run(update, {query::int8(call_id), query::text(attempt.key_id),
                        query::bytes(attempt.request_hash), query::text(attempt.request_id),
                        query::text(attempt.endpoint), query::text(attempt.gateway),
                        query::xid8(attempt.xid), query::int4(attempt.pid),
                        query::float8(settings::call_retention)});
}

Found
lock(const Attempt &attempt)
{
    static query::Query select = {
        "SELECT c.call_id, c.request_hash = $3, c.host_id = h.host_id, c.state = 'finished',"
        "       c.started_at < clock_timestamp() - 2 * make_interval(secs => $4),"
        "       c.expires_at <= clock_timestamp(), " FATE ", c.xid, coalesce(c.pid, 0),"
        "       coalesce(c.status, 0), c.body"
        "  FROM appinfra.call c CROSS JOIN appinfra.host h"
        " WHERE c.line = $1 AND c.idempotency_key = $2 FOR NO KEY UPDATE OF c"};
    query::Rows rows =
        query::run(select, {query::text(attempt.line), query::text(attempt.idempotency_key),
                            query::bytes(attempt.request_hash),
                            query::float8(settings::gateway_statement_timeout / 1000.0)});

    if (rows.count == 0)
        return {};
    return {.call_id = rows.int8(0, 1),
            .is_same_request = rows.boolean(0, 2),
            .is_of_this_host = rows.boolean(0, 3),
            .is_finished = rows.boolean(0, 4),
            .is_overdue = rows.boolean(0, 5),
            .is_expired = rows.boolean(0, 6),
            .fate = fate_of(rows.text(0, 7)),
            .xid = FullTransactionIdFromU64(DatumGetUInt64(rows.datum(0, 8))),
            .pid = rows.int4(0, 9),
            .status = rows.int4(0, 10),
            .body = rows.is_null(0, 11) ? nullptr : DatumGetByteaPP(rows.datum(0, 11))};
}

/* Returns what the word says: one of pg_xact_status(), or of the column outcome. */
static Fate
fate_of(const char *word)
{
    static constexpr struct {
        const char *word;
        Fate fate;
    } words[] = {{"in progress", Fate::running},
                 {"committed", Fate::committed},
                 {"aborted", Fate::lost},
                 {"rolled back", Fate::lost},
                 {"nothing", Fate::nothing}};

    for (const auto &known : words)
        if (word != nullptr && strcmp(known.word, word) == 0)
            return known.fate;
    return Fate::unknown;
}

/*
 * An answer with an id is that attempt's alone. One without has nothing to commit; it is this
 * attempt's where the transaction of the row has ended.
 */
#define IS_OF_ATTEMPT                                                                              \
    " WHERE call_id = $1 AND line = $2 AND state = 'running'"                                      \
    "   AND (xid IS NOT DISTINCT FROM $3"                                                          \
    "        OR ($3 IS NULL AND pg_catalog.pg_xact_status(xid) IS DISTINCT FROM 'in progress'))"

bool
finish(const Answer &answer)
{
    static query::Query update = {
        "UPDATE appinfra.call SET state = 'finished', status = $4, body = $5, xid = $3,"
        /* a refusal has none, whatever became of the transaction that it left */
        "       outcome = NULL, finished_at = clock_timestamp()" IS_OF_ATTEMPT};
    static query::Query remove = {"DELETE FROM appinfra.call" IS_OF_ATTEMPT};

    if (answer.body == nullptr)
        return query::run(remove, {query::int8(answer.call_id), query::text(answer.line),
                                   query::xid8(answer.xid)})
                   .count == 1;
    return query::run(update, {query::int8(answer.call_id), query::text(answer.line),
                               query::xid8(answer.xid), query::int4(answer.status),
                               query::bytes(answer.body)})
               .count == 1;
}

std::span<const Running>
find_running(const char *gateway)
{
    static query::Query select = {
        "SELECT c.pid, c.xid FROM appinfra.call c JOIN appinfra.host h USING (host_id)"
        " WHERE c.gateway = $1 AND c.state = 'running' AND c.outcome IS NULL"
        "   AND c.xid IS NOT NULL AND c.pid IS NOT NULL"};
    query::Rows rows = query::run(select, {query::text(gateway)});

    return query::collect<Running>(rows, [&](uint64 row) {
        return Running{.pid = rows.int4(row, 1),
                       .xid = FullTransactionIdFromU64(DatumGetUInt64(rows.datum(row, 2)))};
    });
}

bool
record_outcomes()
{
    static query::Query update = {
        "UPDATE appinfra.call u SET outcome = CASE f.fate WHEN 'committed' THEN 'committed'"
        "         WHEN 'aborted' THEN 'rolled back' ELSE 'unknown' END"
        "  FROM (SELECT c.call_id, pg_catalog.pg_xact_status(c.xid) AS fate"
        "          FROM appinfra.call c JOIN appinfra.host h USING (host_id)"
        "         WHERE c.outcome IS NULL AND c.xid IS NOT NULL"
        "           AND c.started_at < clock_timestamp() - interval '1 minute'"
        "           AND pg_catalog.pg_xact_status(c.xid) IS DISTINCT FROM 'in progress'"
        "         ORDER BY c.call_id LIMIT " ROWS_AT_ONCE " FOR NO KEY UPDATE OF c SKIP LOCKED) f"
        " WHERE u.call_id = f.call_id"};

    return query::run(update).count == rows_at_once;
}

bool
remove_expired()
{
    static query::Query remove = {
        "DELETE FROM appinfra.call WHERE call_id = ANY (ARRAY("
        "    SELECT c.call_id FROM appinfra.call c CROSS JOIN appinfra.host h"
        "     WHERE c.expires_at <= clock_timestamp()"
        "       AND " FATE " IS DISTINCT FROM 'in progress'"
        "     LIMIT " ROWS_AT_ONCE " FOR UPDATE OF c SKIP LOCKED))"};

    return query::run(remove).count == rows_at_once;
}

} // namespace appinfra::call
