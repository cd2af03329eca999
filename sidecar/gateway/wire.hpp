// A connection to PostgreSQL on the loop, in pipeline mode: statements are lined up, sent as one
// flight that ends in Sync, and their results taken in the same order. No call blocks.
#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/asio.hpp"
#include "base/clock.hpp"
#include "gateway/errors.hpp"
#include "postgres/libpq.hpp"

namespace sidecar::gateway
{

// The connection is of no use any more; error is what the server said last, if it said something.
struct WireLost : std::runtime_error {
    explicit WireLost(std::optional<SqlError> said)
        : std::runtime_error("the connection was lost"), error(std::move(said))
    {
    }
    std::optional<SqlError> error;
};

// What one statement of a flight came to.
struct StatementResult {
    std::optional<SqlError> error;
    bool skipped = false; // an earlier one of the flight failed
    Rows rows;            // the first result

    bool
    succeeded() const
    {
        return !error && !skipped;
    }
};

class Wire
{
public:
    Wire(asio::io_context &io, Connection connection);
    ~Wire() = default;
    Wire(const Wire &) = delete;
    Wire &operator=(const Wire &) = delete;

    // Line up a statement: parsed, bound and executed; or in parts, by the unnamed name.
    void ask(const char *sql, const Parameters &values = {});
    void prepare(const std::string &sql);
    void describe();
    void execute(const Parameters &values);

    // Lines up a statement that the connection keeps: it is parsed the first time only, and planned
    // for the first few. sql has to live as long as the connection. True: it is the first time, and
    // what parsing comes to is to be taken before the statement's own result.
    bool ask_kept(const char *sql, const Parameters &values);

    // Ends a flight.
    void sync();

    // Sends what is lined up.
    asio::awaitable<void> send();

    // Returns the next result of the present statement; null: that was all. Throws a Problem when
    // more than limit bytes have come since the result before.
    asio::awaitable<Rows> next();

    // Takes all results of the next statement.
    asio::awaitable<StatementResult> take();

    // Waits for the answer to Sync.
    asio::awaitable<void> take_sync();

    // Waits until something comes that nobody asked for, and takes it in.
    asio::awaitable<void> listen();

    // How many bytes may come without a whole result among them.
    void
    limit_row(std::size_t bytes)
    {
        row_limit_ = bytes;
    }

    // When what is under way is broken off, and when its statement is cancelled before that.
    void
    set_deadlines(TimePoint cancel_at, TimePoint break_at)
    {
        cancel_at_ = cancel_at;
        break_at_ = break_at;
    }
    TimePoint
    cancel_at() const
    {
        return cancel_at_;
    }
    TimePoint
    break_at() const
    {
        return break_at_;
    }
    void
    cancelled()
    {
        cancel_at_ = TimePoint::max();
    }

    // Ends the connection: whoever waits for it gets a WireLost.
    void break_off();
    bool
    broken_off() const
    {
        return broken_off_;
    }

    // Whether the server has said, unasked, that the connection ends. Takes in what has come.
    bool is_alive();

    PGTransactionStatusType
    state() const
    {
        return PQtransactionStatus(connection_.get());
    }
    PGconn *
    get() const
    {
        return connection_.get();
    }

private:
    void need(int done);
    asio::awaitable<void> wait(asio::posix::stream_descriptor::wait_type what);
    void take_in();
    [[noreturn]] void lose();

    Connection connection_;
    asio::posix::stream_descriptor socket_;
    std::map<std::string_view, std::string> kept_; // names of prepared statements
    std::optional<SqlError> last_error_;
    std::size_t row_limit_ = 64UL * 1024 * 1024;
    std::size_t received_ = 0; // since the last whole result
    TimePoint cancel_at_ = TimePoint::max();
    TimePoint break_at_ = TimePoint::max();
    bool broken_off_ = false;
};

// What the server said in a result that is an error.
SqlError error_of(const PGresult *result);

} // namespace sidecar::gateway
