// See audit_link.hpp.
#include "postgres/audit_link.hpp"

#include <cstdlib>

#include "base/failure.hpp"
#include "base/text.hpp"

namespace sidecar
{
namespace
{

std::string
error_of(const PGconn *connection)
{
    std::string text = PQerrorMessage(connection);
    for (char &c : text)
        if (c == '\n')
            c = ' ';
    return cut_text(clean_text(text.substr(0, text.find_last_not_of(' ') + 1)), 512);
}

} // namespace

AuditLink::AuditLink(const Conninfo &conninfo)
{
    const auto keywords = conninfo.keywords();
    const auto values = conninfo.values();
    connection_.reset(PQconnectdbParams(keywords.data(), values.data(), 0));
    if (PQstatus(connection_.get()) != CONNECTION_OK)
        throw Failure(Failure::Kind::retry, error_of(connection_.get()));
    PQsetNoticeProcessor(
        connection_.get(), [](void *, const char *) {}, nullptr);
    query("SELECT pg_catalog.set_config(name, value, false) FROM (VALUES"
          " ('search_path', 'pg_catalog'), ('client_encoding', 'UTF8'), ('timezone', 'UTC'),"
          " ('datestyle', 'ISO'), ('default_transaction_read_only', 'on')) s (name, value)");
}

Rows
AuditLink::query(const char *sql, const std::vector<std::string> &values)
{
    std::vector<const char *> texts;
    texts.reserve(values.size());
    for (const std::string &value : values)
        texts.push_back(value.c_str());
    Rows rows(PQexecParams(connection_.get(), sql, static_cast<int>(texts.size()), nullptr,
                           texts.data(), nullptr, nullptr, 0));
    const ExecStatusType status = PQresultStatus(rows.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        throw Failure(PQstatus(connection_.get()) == CONNECTION_OK ? Failure::Kind::give_up
                                                                   : Failure::Kind::retry,
                      error_of(connection_.get()));
    return rows;
}

std::string
text_at(const Rows &rows, int row, int column)
{
    return {PQgetvalue(rows.get(), row, column),
            static_cast<std::size_t>(PQgetlength(rows.get(), row, column))};
}

std::int64_t
number_at(const Rows &rows, int row, int column)
{
    return std::strtoll(PQgetvalue(rows.get(), row, column), nullptr, 10);
}

} // namespace sidecar
