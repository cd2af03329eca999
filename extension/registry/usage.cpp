/* Reads and writes the tables of usage. See usage.hpp. */
#include "registry/usage.hpp"

#include "base/query.hpp"

namespace appinfra::usage
{

static constexpr const char *disk_states[] = {"ok", "near", "over"};

static DiskState parse_state(const char *text);
static std::optional<TimestampTz> time_or_none(TimestampTz time);
static TimestampTz time_of(const query::Rows &rows, uint64 row, int column);

std::span<Known>
read_all()
{
    static query::Query select = {
        "SELECT t.db_id, t.database_oid, coalesce(t.disk_limit, -1), u.db_id IS NOT NULL,"
        "       coalesce(u.size, -1), u.temporary, u.connections, u.locks, u.transactions,"
        "       u.blocks_read, u.blocks_hit, u.temp_bytes, u.deadlocks, u.oldest_transaction,"
        "       u.last_login, coalesce(u.disk_limit, 0), u.disk_state"
        "  FROM appinfra.tenant t JOIN pg_catalog.pg_database d ON d.oid = t.database_oid"
        "  LEFT JOIN appinfra.tenant_usage u USING (db_id) WHERE t.status <> 'dropped'"};
    query::Rows rows = query::run(select);

    return query::collect<Known>(rows, [&](uint64 i) {
        return Known{.db_id = rows.text(i, 1),
                     .database = rows.oid(i, 2),
                     .disk_limit = rows.int8(i, 3),
                     .has_row = rows.boolean(i, 4),
                     .row = {.size = rows.int8(i, 5),
                             .temporary = rows.int8(i, 6),
                             .connections = rows.int4(i, 7),
                             .locks = rows.int4(i, 8),
                             .counts = {.transactions = rows.int8(i, 9),
                                        .blocks_read = rows.int8(i, 10),
                                        .blocks_hit = rows.int8(i, 11),
                                        .temp_bytes = rows.int8(i, 12),
                                        .deadlocks = rows.int8(i, 13)},
                             .oldest_transaction = time_of(rows, i, 14),
                             .last_login = time_of(rows, i, 15),
                             .disk_limit = rows.int8(i, 16),
                             .disk_state = parse_state(rows.text(i, 17))}};
    });
}

void
write(const char *db_id, const Row &row)
{
    static query::Query upsert = {
        "INSERT INTO appinfra.tenant_usage AS u (db_id, changed_at, size, temporary, connections,"
        "  locks, transactions, blocks_read, blocks_hit, temp_bytes, deadlocks,"
        "  oldest_transaction, last_login, disk_limit, disk_state)"
        " VALUES ($1, clock_timestamp(), nullif($2, -1), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
        "         nullif($13, 0), $14)"
        " ON CONFLICT (db_id) DO UPDATE SET changed_at = excluded.changed_at,"
        "  size = excluded.size, temporary = excluded.temporary,"
        "  connections = excluded.connections, locks = excluded.locks,"
        "  transactions = excluded.transactions, blocks_read = excluded.blocks_read,"
        "  blocks_hit = excluded.blocks_hit, temp_bytes = excluded.temp_bytes,"
        "  deadlocks = excluded.deadlocks, oldest_transaction = excluded.oldest_transaction,"
        "  last_login = excluded.last_login, disk_limit = excluded.disk_limit,"
        "  disk_state = excluded.disk_state"};

    query::run(upsert, {query::text(db_id), query::int8(row.size), query::int8(row.temporary),
                        query::int4(row.connections), query::int4(row.locks),
                        query::int8(row.counts.transactions), query::int8(row.counts.blocks_read),
                        query::int8(row.counts.blocks_hit), query::int8(row.counts.temp_bytes),
                        query::int8(row.counts.deadlocks),
                        query::timestamp(time_or_none(row.oldest_transaction)),
                        query::timestamp(time_or_none(row.last_login)), query::int8(row.disk_limit),
                        query::text(disk_states[static_cast<int>(row.disk_state)])});
}

void
add_to_day(const char *db_id, const Row &row, int32 most_connections, const Counts &added)
{
    static query::Query upsert = {
        "INSERT INTO appinfra.usage_day AS d (db_id, day, size, connections, transactions,"
        "  blocks_read, blocks_hit, temp_bytes, deadlocks)"
        " VALUES ($1, (clock_timestamp() AT TIME ZONE 'UTC')::date, nullif($2, -1), $3, $4, $5, $6,"
        "         $7, $8)"
        " ON CONFLICT (db_id, day) DO UPDATE SET size = greatest(d.size, excluded.size),"
        "  connections = greatest(d.connections, excluded.connections),"
        "  transactions = d.transactions + excluded.transactions,"
        "  blocks_read = d.blocks_read + excluded.blocks_read,"
        "  blocks_hit = d.blocks_hit + excluded.blocks_hit,"
        "  temp_bytes = d.temp_bytes + excluded.temp_bytes,"
        "  deadlocks = d.deadlocks + excluded.deadlocks"};

    query::run(upsert,
               {query::text(db_id), query::int8(row.size < 0 ? -1 : row.size + row.temporary),
                query::int4(most_connections), query::int8(added.transactions),
                query::int8(added.blocks_read), query::int8(added.blocks_hit),
                query::int8(added.temp_bytes), query::int8(added.deadlocks)});
}

void
remove_old()
{
    static query::Query days = {"DELETE FROM appinfra.usage_day"
                                " WHERE day < (clock_timestamp() AT TIME ZONE 'UTC')::date - 31"};
    static query::Query rows = {"DELETE FROM appinfra.tenant_usage u WHERE NOT EXISTS (SELECT FROM"
                                " appinfra.tenant t WHERE t.db_id = u.db_id"
                                "   AND t.status <> 'dropped')"};

    query::run(days);
    query::run(rows);
}

int64
read_progress()
{
    static query::Query select = {"SELECT coalesce((SELECT audit_id FROM appinfra.usage_run),"
                                  "                (SELECT max(id) FROM appinfra.audit_log), 0)"};

    return query::run(select).int8(0, 1);
}

std::span<Login>
read_logins(int64 *progress)
{
    static query::Query last = {"SELECT coalesce(max(id), $1) FROM appinfra.audit_log"
                                " WHERE id > $1"};
    static query::Query select = {
        "SELECT db_id, max(time) FROM appinfra.audit_log WHERE id > $1 AND id <= $2"
        "   AND action = 'login' AND outcome = 'done' AND db_id IS NOT NULL GROUP BY 1"};
    int64 from = *progress;

    *progress = query::run(last, {query::int8(from)}).int8(0, 1);
    query::Rows rows = query::run(select, {query::int8(from), query::int8(*progress)});
    return query::collect<Login>(rows, [&](uint64 i) {
        return Login{.db_id = rows.text(i, 1), .time = time_of(rows, i, 2)};
    });
}

void
end_round(double seconds, int64 progress)
{
    static query::Query upsert = {
        "INSERT INTO appinfra.usage_run (measured_at, seconds, audit_id)"
        " VALUES (clock_timestamp(), $1, $2) ON CONFLICT (singleton) DO UPDATE SET"
        "  measured_at = excluded.measured_at, seconds = excluded.seconds,"
        "  audit_id = excluded.audit_id"};

    query::run(upsert, {query::float8(seconds), query::int8(progress)});
}

static DiskState
parse_state(const char *text)
{
    int state = 0;

    for (const char *word : disk_states) {
        if (text != nullptr && strcmp(word, text) == 0)
            return static_cast<DiskState>(state);
        state++;
    }
    return DiskState::ok;
}

static std::optional<TimestampTz>
time_or_none(TimestampTz time)
{
    return time == 0 ? std::nullopt : std::optional<TimestampTz>(time);
}

static TimestampTz
time_of(const query::Rows &rows, uint64 row, int column)
{
    return rows.is_null(row, column) ? 0 : DatumGetTimestampTz(rows.datum(row, column));
}

} // namespace appinfra::usage
