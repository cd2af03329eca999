// See wire.hpp.
#include "gateway/wire.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "platform/problem.hpp"

namespace sidecar::gateway
{

SqlError
error_of(const PGresult *result)
{
    const auto field = [&](int code) {
        const char *text = PQresultErrorField(result, code);
        return std::string(text != nullptr ? text : "");
    };
    SqlError error{field(PG_DIAG_SQLSTATE), field(PG_DIAG_MESSAGE_PRIMARY),
                   field(PG_DIAG_MESSAGE_DETAIL), field(PG_DIAG_MESSAGE_HINT),
                   field(PG_DIAG_SOURCE_FUNCTION)};
    return error;
}

// The loop gets a descriptor of its own: libpq closes its one without telling, and another may have
// that number by then.
Wire::Wire(asio::io_context &io, Connection connection)
    : connection_(std::move(connection)),
      socket_(io, fcntl(PQsocket(connection_.get()), F_DUPFD_CLOEXEC, 0))
{
    need(PQsetnonblocking(connection_.get(), 1) == 0 ? 1 : 0);
    need(PQenterPipelineMode(connection_.get()));
}

void
Wire::ask(const char *sql, const Parameters &values)
{
    const auto pointers = pointers_to(values);
    need(PQsendQueryParams(connection_.get(), sql, static_cast<int>(pointers.size()), nullptr,
                           pointers.data(), nullptr, nullptr, 0));
}

void
Wire::prepare(const std::string &sql)
{
    need(PQsendPrepare(connection_.get(), "", sql.c_str(), 0, nullptr));
}

void
Wire::describe()
{
    need(PQsendDescribePrepared(connection_.get(), ""));
}

void
Wire::execute(const Parameters &values)
{
    const auto pointers = pointers_to(values);
    need(PQsendQueryPrepared(connection_.get(), "", static_cast<int>(pointers.size()),
                             pointers.data(), nullptr, nullptr, 0));
}

bool
Wire::ask_kept(const char *sql, const Parameters &values)
{
    const auto [kept, is_new] = kept_.try_emplace(sql, "kept_" + std::to_string(kept_.size()));
    if (is_new)
        need(PQsendPrepare(connection_.get(), kept->second.c_str(), sql, 0, nullptr));
    const auto pointers = pointers_to(values);
    need(PQsendQueryPrepared(connection_.get(), kept->second.c_str(),
                             static_cast<int>(pointers.size()), pointers.data(), nullptr, nullptr,
                             0));
    return is_new;
}

void
Wire::sync()
{
    need(PQpipelineSync(connection_.get()));
}

asio::awaitable<void>
Wire::send()
{
    for (;;) {
        const int unsent = PQflush(connection_.get());
        if (unsent < 0)
            lose();
        if (unsent == 0)
            co_return;
        co_await wait(asio::posix::stream_descriptor::wait_write);
    }
}

asio::awaitable<Rows>
Wire::next()
{
    while (PQisBusy(connection_.get()) != 0) {
        co_await wait(asio::posix::stream_descriptor::wait_read);
        take_in();
    }
    Rows result(PQgetResult(connection_.get()));
    if (result && PQresultStatus(result.get()) == PGRES_FATAL_ERROR) {
        SqlError error = error_of(result.get());
        if (!error.sqlstate.empty() || !last_error_)
            last_error_ = std::move(error); // libpq's own words come after the server's
    }
    if (!result && PQstatus(connection_.get()) != CONNECTION_OK)
        lose();
    received_ = 0;
    co_return result;
}

asio::awaitable<StatementResult>
Wire::take()
{
    StatementResult taken;
    last_error_.reset();
    for (;;) {
        Rows result = co_await next();
        if (!result)
            co_return taken;
        const ExecStatusType status = PQresultStatus(result.get());
        if (status == PGRES_PIPELINE_ABORTED)
            taken.skipped = true;
        else if (status == PGRES_FATAL_ERROR)
            taken.error = last_error_;
        else if (!taken.rows)
            taken.rows = std::move(result);
    }
}

asio::awaitable<void>
Wire::take_sync()
{
    const Rows result = co_await next();
    if (!result || PQresultStatus(result.get()) != PGRES_PIPELINE_SYNC)
        lose(); // cppcheck-suppress missingReturn ; of a coroutine
}

asio::awaitable<void>
Wire::listen()
{
    co_await wait(asio::posix::stream_descriptor::wait_read);
    take_in();
    received_ = 0;
    if (PQstatus(connection_.get()) != CONNECTION_OK)
        lose();
}

void
Wire::break_off()
{
    broken_off_ = true;
    boost::system::error_code ignored;
    socket_.cancel(ignored);
}

// An idle connection has nothing to read, but for the last words of a server that has closed it:
// the end is seen when those are taken in.
bool
Wire::is_alive()
{
    pollfd readable{socket_.native_handle(), POLLIN, 0};
    if (broken_off_ || PQstatus(connection_.get()) != CONNECTION_OK)
        return false;
    if (poll(&readable, 1, 0) == 0)
        return true;
    return PQconsumeInput(connection_.get()) == 1 && PQconsumeInput(connection_.get()) == 1 &&
           PQstatus(connection_.get()) == CONNECTION_OK;
}

void
Wire::need(int done)
{
    if (done != 1)
        lose();
}

asio::awaitable<void>
Wire::wait(asio::posix::stream_descriptor::wait_type what)
{
    boost::system::error_code failed;
    if (broken_off_)
        lose();
    co_await socket_.async_wait(what, asio::redirect_error(asio::use_awaitable, failed));
    if (failed || broken_off_)
        lose(); // cppcheck-suppress missingReturn ; of a coroutine
}

// Takes in what has come. libpq holds a whole row however long that is, so bytes are counted as
// they arrive.
void
Wire::take_in()
{
    int waiting = 0;
    if (ioctl(socket_.native_handle(), FIONREAD, &waiting) == 0)
        received_ += static_cast<std::size_t>(waiting);
    if (received_ > row_limit_) {
        broken_off_ = true;
        throw Problem(413, "response_too_large",
                      "a row of the answer is larger than " + std::to_string(row_limit_) +
                          " bytes");
    }
    if (PQconsumeInput(connection_.get()) != 1 && PQisBusy(connection_.get()) != 0)
        lose();
}

void
Wire::lose()
{
    broken_off_ = true;
    throw WireLost(last_error_);
}

} // namespace sidecar::gateway
