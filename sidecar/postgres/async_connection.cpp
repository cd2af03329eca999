// See async_connection.hpp.
#include "postgres/async_connection.hpp"

#include <algorithm>
#include <utility>

#include <poll.h>

#include "base/text.hpp"

namespace sidecar
{
namespace
{

constexpr std::string_view read_only = "25006";   // SQLSTATE: the server takes no writes (any more)
constexpr std::string_view no_database = "3D000"; // SQLSTATE: it does not exist

} // namespace

AsyncConnection::AsyncConnection(std::string name, std::shared_ptr<const Conninfo> conninfo,
                                 std::vector<std::string> preparation, Duration statement_limit,
                                 const Clock &clock, Log &log, Backoff backoff)
    : name_(std::move(name)), connector_(std::move(conninfo), std::move(preparation)),
      statement_limit_(statement_limit), clock_(clock), log_(log), backoff_(backoff)
{
}

void
AsyncConnection::submit(Statement statement)
{
    if (connected())
        waiting_.push_back(std::move(statement));
    else
        statement.done(Failure(Failure::Kind::retry, "no connection to the database"));
}

void
AsyncConnection::pump()
{
    const TimePoint now = clock_.now();
    if (!connected())
        reconnect(now);
    if (connected())
        receive(now);
    if (connected() && under_way_ && now >= deadline_)
        lose("a statement was not answered in time", now);
}

TimePoint
AsyncConnection::flush()
{
    if (connected())
        send_next(clock_.now());
    if (connected())
        return under_way_ ? deadline_ : TimePoint::max();
    return connector_.running() ? TimePoint::max() : reconnect_at_;
}

int
AsyncConnection::fd() const
{
    return connected() ? PQsocket(connection_.get()) : connector_.fd();
}

short
AsyncConnection::events() const
{
    const bool unsent = connected() && PQflush(connection_.get()) == 1;
    return static_cast<short>(unsent ? POLLIN | POLLOUT : POLLIN);
}

bool
AsyncConnection::take_notified()
{
    return std::exchange(notified_, false);
}

bool
AsyncConnection::take_connected()
{
    return std::exchange(newly_connected_, false);
}

void
AsyncConnection::reconnect(TimePoint now)
{
    if (connector_.running()) {
        if (auto result = connector_.take())
            opened(std::move(*result), now);
    } else if (now >= reconnect_at_) {
        connector_.start();
    }
}

void
AsyncConnection::opened(Connector::Opened opened, TimePoint now)
{
    if (auto *failure = std::get_if<Failure>(&opened)) {
        const bool people = failure->kind() == Failure::Kind::configuration;
        Duration pause = backoff_.delay(failures_++);
        if (failure->sqlstate() == no_database)
            pause = std::chrono::minutes(1); // somebody has to create it
        else if (people)
            pause += std::chrono::seconds(5);
        reconnect_at_ = now + pause;
        log_.warn("database not usable",
                  {{"connection", name_}, {"error", std::string(failure->what())}});
        last_failure_ = *failure;
        return;
    }
    connection_ = std::move(std::get<Connection>(opened));
    failures_ = 0;
    last_failure_.reset();
    newly_connected_ = true;
    log_.info("database connected", {{"connection", name_},
                                     {"host", std::string(PQhost(connection_.get()))},
                                     {"port", std::string(PQport(connection_.get()))}});
}

void
AsyncConnection::lose(const std::string &why, TimePoint now)
{
    log_.warn("database connection lost",
              {{"connection", name_}, {"error", cut_text(clean_text(why), 512)}});
    last_failure_ = Failure(Failure::Kind::retry, clean_text(why));
    connection_.reset();
    rows_.reset();
    error_.reset();
    reconnect_at_ = now + backoff_.delay(failures_++);
    std::deque<Statement> failed = std::exchange(waiting_, {});
    if (under_way_)
        failed.push_front(std::move(*std::exchange(under_way_, std::nullopt)));
    for (Statement &statement : failed)
        statement.done(Failure(Failure::Kind::retry, "the database connection was lost"));
}

void
AsyncConnection::send_next(TimePoint now)
{
    if (under_way_ || waiting_.empty())
        return;
    under_way_ = std::move(waiting_.front());
    waiting_.pop_front();
    const auto values = pointers_to(under_way_->values);
    deadline_ = now + statement_limit_;
    if (PQsendQueryParams(connection_.get(), under_way_->sql, static_cast<int>(values.size()),
                          nullptr, values.data(), nullptr, nullptr, 0) != 1)
        lose(PQerrorMessage(connection_.get()), now);
    else
        PQflush(connection_.get());
}

void
AsyncConnection::receive(TimePoint now)
{
    if (PQconsumeInput(connection_.get()) != 1) {
        lose(PQerrorMessage(connection_.get()), now);
        return;
    }
    while (const Notify notify{PQnotifies(connection_.get())})
        notified_ = true;
    while (connected() && under_way_ && PQisBusy(connection_.get()) == 0) {
        Rows rows(PQgetResult(connection_.get()));
        if (!rows) {
            finish(now);
            send_next(now);
        } else {
            keep(std::move(rows));
        }
    }
}

void
AsyncConnection::keep(Rows rows)
{
    if (succeeded(rows.get())) {
        if (!rows_)
            rows_ = std::move(rows);
    } else if (!error_) {
        error_ = with_remedy(failure_of(connection_.get(), rows.get()));
    }
}

void
AsyncConnection::finish(TimePoint now)
{
    if (PQstatus(connection_.get()) != CONNECTION_OK) {
        lose(error_ ? error_->what() : "closed by the server", now);
        return;
    }
    Statement statement = std::move(*std::exchange(under_way_, std::nullopt));
    Rows rows = std::move(rows_);
    const auto error = std::exchange(error_, std::nullopt);
    if (error || !rows) {
        statement.done(error ? *error : Failure(Failure::Kind::retry, "no answer"));
        // After a failover this may be a standby now; another of the hosts is the one.
        if (error && error->sqlstate() == read_only)
            lose("the server is read-only", now);
        return;
    }
    statement.done(std::move(rows));
}

} // namespace sidecar
