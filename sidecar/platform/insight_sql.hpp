// The SQL of the use cases that show what goes on in a database (insight.cpp), as sql.hpp.
#pragma once

#include "platform/access_sql.hpp"

namespace sidecar::use_cases::sql
{

// clang-format off

// A time in UTC with all its digits, by which a session is named again.
#define TIME_TEXT(time) "to_char(" time " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

// What a database $1 uses. Nothing was measured yet: no times, and zeros.
#define USAGE_DOCUMENT \
    "(SELECT jsonb_build_object('db_id', d.db_id, 'size', u.size, 'disk_limit', u.disk_limit," \
    " 'disk_state', coalesce(u.disk_state, 'ok'), 'temporary', coalesce(u.temporary, 0)," \
    " 'connections', coalesce(u.connections, 0), 'locks', coalesce(u.locks, 0)," \
    " 'transactions', coalesce(u.transactions, 0), 'deadlocks', coalesce(u.deadlocks, 0)," \
    " 'blocks_read', coalesce(u.blocks_read, 0), 'blocks_hit', coalesce(u.blocks_hit, 0)," \
    " 'temp_bytes', coalesce(u.temp_bytes, 0), 'measured_at', " TIME_TEXT("u.measured_at") "," \
    " 'last_login', " TIME_TEXT("u.last_login") "," \
    " 'oldest_transaction', " TIME_TEXT("u.oldest_transaction") ")" \
    " FROM appinfra.databases d LEFT JOIN appinfra.usage u USING (db_id) WHERE d.db_id = $1)"

inline constexpr Query usage = {
    "usage",
    "SELECT (" USAGE_DOCUMENT " || jsonb_build_object('history', "
    ROWS_OF("SELECT day, size, connections, transactions, blocks_read, blocks_hit, temp_bytes,"
            " deadlocks FROM appinfra.usage_history WHERE db_id = $1 ORDER BY day") "))::text",
    Effect::reads};

inline constexpr Query sessions = {
    "sessions",
    "SELECT json_build_object('sessions', "
    ROWS_OF("SELECT pid, " TIME_TEXT("backend_start") " AS started, username, access, state,"
            " application_name, client_addr, " TIME_TEXT("xact_start") " AS transaction_started,"
            " " TIME_TEXT("query_start") " AS query_started,"
            " " TIME_TEXT("state_change") " AS state_since, wait_event_type, wait_event, query"
            " FROM appinfra.sessions($1) ORDER BY backend_start, pid") ")::text",
    Effect::reads};

// Nothing when there is no such session.
inline constexpr Query end_session = {
    "end_session",
    "SELECT json_build_object('ended', 1)::text"
    " WHERE appinfra.terminate_session($1, $2::int, $3::timestamptz)",
    Effect::writes};

inline constexpr Query statements = {
    "statements",
    "SELECT json_build_object('statements', "
    ROWS_OF("SELECT queryid::text AS query_id, query, sum(calls)::bigint AS calls,"
            " sum(rows)::bigint AS rows, sum(total_exec_time) AS total_ms,"
            " sum(total_exec_time) / greatest(sum(calls), 1) AS mean_ms,"
            " max(max_exec_time) AS max_ms, sum(shared_blks_hit)::bigint AS blocks_hit,"
            " sum(shared_blks_read)::bigint AS blocks_read,"
            " sum(temp_blks_written)::bigint AS temp_blocks_written FROM appinfra.statements($1)"
            " GROUP BY queryid, query ORDER BY total_ms DESC, queryid LIMIT $2::int") ")::text",
    Effect::reads};
// clang-format on

} // namespace sidecar::use_cases::sql
