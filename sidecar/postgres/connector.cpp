// See connector.hpp.
#include "postgres/connector.hpp"

#include <cstdint>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/text.hpp"
#include "base/wipe.hpp"

namespace sidecar
{
namespace
{

// What a person has to do, by SQLSTATE; null when trying again is all there is.
const char *
remedy_for(std::string_view state)
{
    if (state == "42883" || state == "3F000" || state == "42P01" || state == "42703")
        return "run CREATE EXTENSION appinfra in this database, or connect to the control database";
    if (state == "42501")
        return "grant appinfra_publisher to the sidecar's login";
    if (state.starts_with("28"))
        return "correct the sidecar's login or pg_hba.conf";
    if (state == "3D000")
        return "correct the database name in APPINFRA_DATABASE_URL";
    return nullptr;
}

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
    return cut_text(clean_text(line), 512);
}

// Where it was tried last, which libpq does not always say, and what may be wrong there.
std::string
what_to_check(const PGconn *connection)
{
    const char *host = PQhost(connection);
    const char *port = PQport(connection);
    const std::string where = std::string("host ") + (host && *host ? host : "(local socket)") +
                              ", port " + (port && *port ? port : "(default)");
    return "; hint: at " + where +
           ": check that PostgreSQL runs there and takes writes, that listen_addresses, a firewall "
           "and pg_hba.conf let this login in, and the password";
}

bool
is_transient(std::string_view state)
{
    // Connection, resources, operator intervention, rollbacks, read-only, unknown.
    for (const char *prefix : {"08", "53", "57", "40", "25", "55"})
        if (state.starts_with(prefix))
            return true;
    return state.empty();
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

Failure
failure_of(const PGconn *connection, const PGresult *rows)
{
    const char *state = rows ? PQresultErrorField(rows, PG_DIAG_SQLSTATE) : nullptr;
    const char *text = rows ? PQresultErrorField(rows, PG_DIAG_MESSAGE_PRIMARY) : nullptr;
    std::string message = one_line(text ? text : PQerrorMessage(connection));
    if (state != nullptr)
        message += " (SQLSTATE " + std::string(state) + ")";
    const std::string_view code = state ? state : "";
    if (const char *remedy = remedy_for(code))
        return {Failure::Kind::configuration, message + "; hint: " + remedy};
    return {is_transient(code) ? Failure::Kind::retry : Failure::Kind::give_up, message};
}

Connector::Shared::~Shared()
{
    close(event);
}

Connector::Connector(std::shared_ptr<const Conninfo> conninfo, std::vector<std::string> preparation)
    : conninfo_(std::move(conninfo)), preparation_(std::move(preparation)),
      shared_(std::make_shared<Shared>()), event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    if (event_ < 0)
        throw std::system_error(errno, std::generic_category(), "eventfd");
    shared_->event = event_;
}

Connector::~Connector()
{
    // A connect under way ends by itself, by connect_timeout; nobody has to wait for it.
    if (thread_.joinable())
        thread_.detach();
}

void
Connector::start()
{
    if (running())
        return;
    thread_ = std::thread([shared = shared_, conninfo = conninfo_, preparation = preparation_] {
        Opened opened = connect(*conninfo, preparation);
        const std::lock_guard lock(shared->mutex);
        shared->opened = std::move(opened);
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = write(shared->event, &one, sizeof one);
    });
}

std::optional<Connector::Opened>
Connector::take()
{
    std::uint64_t count;
    if (!running() || read(event_, &count, sizeof count) != sizeof count)
        return std::nullopt;
    thread_.join();
    const std::lock_guard lock(shared_->mutex);
    return std::exchange(shared_->opened, std::nullopt);
}

Connector::Opened
Connector::connect(const Conninfo &conninfo, const std::vector<std::string> &preparation)
{
    const auto keywords = conninfo.keywords();
    const auto values = conninfo.values();
    Connection connection(PQconnectdbParams(keywords.data(), values.data(), 0));
    if (!connection)
        return Failure(Failure::Kind::retry, "out of memory");
    PQsetNoticeProcessor(
        connection.get(), [](void *, const char *) {}, nullptr);
    if (PQstatus(connection.get()) != CONNECTION_OK)
        return Failure(Failure::Kind::retry, one_line(PQerrorMessage(connection.get())) +
                                                 what_to_check(connection.get()));
    for (const std::string &statement : preparation) {
        const Rows rows(PQexec(connection.get(), statement.c_str()));
        const ExecStatusType status = PQresultStatus(rows.get());
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
            return failure_of(connection.get(), rows.get());
    }
    PQsetnonblocking(connection.get(), 1);
    return connection;
}

} // namespace sidecar
