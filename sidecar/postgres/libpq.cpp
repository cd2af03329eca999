// See libpq.hpp.
#include "postgres/libpq.hpp"

#include <cstdlib>

#include "base/text.hpp"
#include "base/wipe.hpp"
#include "postgres/login_refusal.hpp"

namespace sidecar
{
namespace
{

constexpr std::size_t max_line = 512;
constexpr std::size_t max_field = 1024;

// libpq's text on one line: a message, and what to check on a line of its own.
std::string
one_line(std::string_view text)
{
    std::string line;
    for (const char c : text)
        if (c != '\n' && c != '\t')
            line += c;
        else if (!line.empty() && line.back() != ' ')
            line += ' ';
    while (line.ends_with(' '))
        line.pop_back();
    return cut_text(clean_text(line), max_line);
}

// Says where it was tried last, which libpq does not always do, and what may be wrong there.
std::string
what_to_check(const PGconn *connection, const Conninfo &conninfo)
{
    const char *host = PQhost(connection);
    const char *port = PQport(connection);
    const std::string where = std::string("host ") + (host && *host ? host : "(local socket)") +
                              ", port " + (port && *port ? port : "(default)");
    const bool writes = conninfo.value_of("target_session_attrs") == "read-write";
    return "; hint: at " + where + ": check that PostgreSQL runs there" +
           (writes ? " and takes writes" : "") +
           ", that listen_addresses, a firewall and pg_hba.conf let this login in, and the "
           "password";
}

// The Failure of a connection that was not made. Most are to be tried again: a server that starts
// refuses as well. A database that is not there waits for somebody to create it.
Failure
refused_connection(const PGconn *connection, const Conninfo &conninfo)
{
    const char *message = PQerrorMessage(connection);
    const LoginRefusal refusal = login_refusal(message);
    const std::string hint = refusal.hint != nullptr ? std::string("; hint: ") + refusal.hint
                                                     : what_to_check(connection, conninfo);
    ServerError error;
    error.sqlstate = refusal.sqlstate;
    const auto kind =
        error.sqlstate == "3D000" ? Failure::Kind::configuration : Failure::Kind::retry;
    return {kind, one_line(message) + hint, std::move(error)};
}

std::string
field_of(const PGresult *rows, int field)
{
    const char *text = rows != nullptr ? PQresultErrorField(rows, field) : nullptr;
    return text != nullptr ? cut_text(clean_text(text), max_field) : "";
}

// Whether the same statement may work later: connection, resources, operator intervention,
// rollbacks, a server that takes no writes, objects in use; and where no server gave a reason.
bool
is_transient(std::string_view sqlstate)
{
    for (const char *prefix : {"08", "53", "57", "40", "25", "55"})
        if (sqlstate.starts_with(prefix))
            return true;
    return sqlstate.empty();
}

const char *
remedy_for(std::string_view sqlstate)
{
    if (sqlstate == "42883" || sqlstate == "3F000" || sqlstate == "42P01" || sqlstate == "42703")
        return "run CREATE EXTENSION appinfra in this database, or connect to the control database";
    if (sqlstate == "42501")
        return "grant appinfra_publisher to the sidecar's login";
    return nullptr;
}

} // namespace

void
ResultRelease::operator()(PGresult *result) const
{
    for (int row = 0; row < PQntuples(result); row++)
        for (int column = 0; column < PQnfields(result); column++)
            wipe(PQgetvalue(result, row, column),
                 static_cast<std::size_t>(PQgetlength(result, row, column)));
    PQclear(result);
}

std::vector<const char *>
pointers_to(const Parameters &parameters)
{
    std::vector<const char *> pointers;
    pointers.reserve(parameters.size());
    for (const auto &parameter : parameters)
        pointers.push_back(parameter ? parameter->c_str() : nullptr);
    return pointers;
}

Connection
open_connection(const Conninfo &conninfo)
{
    const auto keywords = conninfo.keywords();
    const auto values = conninfo.values();
    Connection connection(PQconnectdbParams(keywords.data(), values.data(), 0));
    if (!connection)
        throw Failure(Failure::Kind::retry, "out of memory");
    PQsetNoticeProcessor(
        connection.get(), [](void *, const char *) {}, nullptr);
    if (PQstatus(connection.get()) != CONNECTION_OK)
        throw refused_connection(connection.get(), conninfo);
    return connection;
}

bool
succeeded(const PGresult *rows)
{
    const ExecStatusType status = PQresultStatus(rows);
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

Failure
failure_of(const PGconn *connection, const PGresult *rows)
{
    ServerError error = {field_of(rows, PG_DIAG_SQLSTATE), field_of(rows, PG_DIAG_MESSAGE_PRIMARY),
                         field_of(rows, PG_DIAG_MESSAGE_DETAIL),
                         field_of(rows, PG_DIAG_MESSAGE_HINT),
                         field_of(rows, PG_DIAG_CONSTRAINT_NAME)};
    const char *text = rows ? PQresultErrorField(rows, PG_DIAG_MESSAGE_PRIMARY) : nullptr;
    std::string line = one_line(text ? text : PQerrorMessage(connection));
    if (!error.sqlstate.empty())
        line += " (SQLSTATE " + error.sqlstate + ")";
    const auto kind = is_transient(error.sqlstate) ? Failure::Kind::retry : Failure::Kind::give_up;
    return {kind, line, std::move(error)};
}

Failure
with_remedy(const Failure &failure)
{
    const char *remedy = remedy_for(failure.sqlstate());
    if (remedy == nullptr)
        return failure;
    return {Failure::Kind::configuration, std::string(failure.what()) + "; hint: " + remedy,
            failure.server()};
}

std::string_view
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

std::string
filler_size(const Rows &rows)
{
    constexpr int row_overhead = 512; // lengths of columns, headers of messages
    constexpr int margin = 16 * 1024; // libpq's first buffer
    int size = margin;
    for (int row = 0; row < PQntuples(rows.get()); row++) {
        size += row_overhead;
        for (int column = 0; column < PQnfields(rows.get()); column++)
            size += PQgetlength(rows.get(), row, column);
    }
    return std::to_string(size);
}

} // namespace sidecar
