// See pg_audit_log.hpp.
#include "audit/pg_audit_log.hpp"

namespace sidecar
{
namespace
{

constexpr int rows_at_once = 10'000;

} // namespace

BlockingConnection
connect_to_audit_log(const Conninfo &conninfo)
{
    return BlockingConnection(
        conninfo,
        {"SELECT pg_catalog.set_config(name, value, false) FROM (VALUES"
         " ('search_path', 'pg_catalog'), ('client_encoding', 'UTF8'), ('timezone', 'UTC'),"
         " ('datestyle', 'ISO'), ('default_transaction_read_only', 'on')) s (name, value)"});
}

PgAuditLog::PgAuditLog(BlockingConnection &connection) : connection_(connection)
{
    connection_.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
}

std::string
PgAuditLog::host_id()
{
    const Rows rows = connection_.query("SELECT appinfra.host_id()");
    return std::string(text_at(rows, 0, 0));
}

std::vector<Seal>
PgAuditLog::seals()
{
    const Rows rows =
        connection_.query("SELECT number, previous, after_id, last_id, rows,"
                          "       (extract(epoch FROM sealed_at) * 1000000)::bigint, hash"
                          "  FROM appinfra.audit_seals ORDER BY number");
    std::vector<Seal> seals;
    seals.reserve(static_cast<std::size_t>(PQntuples(rows.get())));
    for (int row = 0; row < PQntuples(rows.get()); row++)
        seals.push_back({number_at(rows, row, 0), numbers_of(std::string(text_at(rows, row, 1))),
                         number_at(rows, row, 2), number_at(rows, row, 3), number_at(rows, row, 4),
                         number_at(rows, row, 5), std::string(text_at(rows, row, 6))});
    return seals;
}

void
PgAuditLog::rows(std::int64_t after_id, std::int64_t last_id,
                 const std::function<void(std::string_view json)> &take)
{
    int count = rows_at_once;
    while (count == rows_at_once) {
        const Rows rows = connection_.query(
            "SELECT id, jsonb_build_array(id, (extract(epoch FROM time) * 1000000)::bigint, actor,"
            "       effective_role, application_name, client_address, database, action, db_id,"
            "       credential, outcome, detail, transaction_id::text) || CASE WHEN end_user IS "
            "NULL"
            "       THEN '[]' ELSE jsonb_build_array(end_user) END"
            "  FROM appinfra.audit WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3",
            {std::to_string(after_id), std::to_string(last_id), std::to_string(rows_at_once)});
        count = PQntuples(rows.get());
        for (int row = 0; row < count; row++) {
            take(text_at(rows, row, 1));
            after_id = number_at(rows, row, 0);
        }
    }
}

std::int64_t
PgAuditLog::removed_through()
{
    return number_at(connection_.query(
                         "SELECT coalesce(max((detail->>'through')::bigint), 0) FROM appinfra.audit"
                         " WHERE action = 'remove_audit' AND outcome = 'done'"),
                     0, 0);
}

} // namespace sidecar
