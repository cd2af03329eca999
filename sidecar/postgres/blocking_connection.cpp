// See blocking_connection.hpp. Statements are sent without blocking and waited for with poll(2),
// because libpq's own waiting knows no deadline.
#include "postgres/blocking_connection.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include <poll.h>

namespace sidecar
{

BlockingConnection::BlockingConnection(const Conninfo &conninfo,
                                       const std::vector<std::string> &preparation,
                                       Duration deadline)
    : deadline_(deadline), connection_(open_connection(conninfo))
{
    PQsetnonblocking(connection_.get(), 1);
    for (const std::string &statement : preparation)
        query(statement.c_str());
}

Rows
BlockingConnection::query(const char *sql, const Parameters &parameters)
{
    const auto values = pointers_to(parameters);
    return answer(PQsendQueryParams(connection_.get(), sql, static_cast<int>(values.size()),
                                    nullptr, values.data(), nullptr, nullptr, 0) == 1);
}

Rows
BlockingConnection::prepared_query(const char *name, const char *sql, const Parameters &parameters)
{
    if (!prepared_.contains(name)) {
        answer(PQsendPrepare(connection_.get(), name, sql, 0, nullptr) == 1);
        prepared_.insert(name);
    }
    const auto values = pointers_to(parameters);
    return answer(PQsendQueryPrepared(connection_.get(), name, static_cast<int>(values.size()),
                                      values.data(), nullptr, nullptr, 0) == 1);
}

bool
BlockingConnection::alive()
{
    if (!lost_ && is_idle())
        PQconsumeInput(connection_.get());
    return !lost_ && PQstatus(connection_.get()) == CONNECTION_OK;
}

// Waits for all of the answer to what was sent: a statement's commit comes after its rows.
Rows
BlockingConnection::answer(bool sent)
{
    if (lost_ || !sent)
        lose();
    const TimePoint now = SystemClock().now();
    const TimePoint until = deadline_ == no_deadline ? TimePoint::max() : now + deadline_;
    Rows rows;
    std::optional<Failure> failure;
    for (;;) {
        while (PQisBusy(connection_.get()) == 1)
            await_readable(until);
        Rows next(PQgetResult(connection_.get()));
        if (!next)
            break;
        if (succeeded(next.get()))
            rows = std::move(next);
        else if (!failure)
            failure = failure_of(connection_.get(), next.get());
    }
    if (failure)
        throw *failure;
    if (!rows)
        lose("no answer");
    return rows;
}

// Sends what is still to be sent, and waits for something to read.
void
BlockingConnection::await_readable(TimePoint until)
{
    const int unsent = PQflush(connection_.get());
    const TimePoint now = SystemClock().now();
    if (unsent < 0)
        lose();
    if (now >= until)
        lose("a statement was not answered in time");
    const auto left = std::min<Duration>(until - now, std::chrono::minutes(1));
    pollfd socket{PQsocket(connection_.get()),
                  static_cast<short>(unsent == 1 ? POLLIN | POLLOUT : POLLIN), 0};
    if (poll(&socket, 1, static_cast<int>(left.count()) + 1) < 0 && errno != EINTR)
        lose("the database connection cannot be waited for");
    if ((socket.revents & ~POLLOUT) != 0 && PQconsumeInput(connection_.get()) != 1)
        lose();
}

// Gives the connection up: for a reason of ours, or for libpq's.
void
BlockingConnection::lose(const char *why)
{
    lost_ = true;
    if (why != nullptr)
        throw Failure(Failure::Kind::retry, why);
    throw failure_of(connection_.get(), nullptr);
}

} // namespace sidecar
