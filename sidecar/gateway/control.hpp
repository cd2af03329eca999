// The gateway's connections to the control database. Each runs one statement at a time, which
// commits by itself; whoever asks waits in line.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/asio.hpp"
#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "gateway/awaited.hpp"
#include "gateway/errors.hpp"
#include "gateway/wire.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/libpq.hpp"

namespace sidecar::gateway
{

// Opens a connection in a thread of its own while the loop goes on; throws a Failure.
asio::awaitable<Connection> connect(asio::io_context &io, std::shared_ptr<const Conninfo> conninfo,
                                    const std::vector<std::string> &preparation = {});

// A statement of the control database was refused.
struct ControlRefused {
    SqlError error;
};

class Control
{
public:
    // preparation: statements that make a connection ready.
    Control(asio::io_context &io, std::shared_ptr<const Conninfo> conninfo, std::size_t connections,
            std::vector<std::string> preparation, const Clock &clock, Log &log);

    // Runs a statement; the rows are there. Throws ControlRefused, or a Problem when the database
    // does not answer in time.
    asio::awaitable<Rows> ask(const char *sql, Parameters values);

    // Breaks off what is overdue; called now and then.
    void sweep(TimePoint now);

    // Begins no statement any more, and ends the connections.
    void close();

private:
    using Answer = std::variant<Rows, SqlError>; // an error without an SQLSTATE: no answer
    struct Job {
        const char *sql;
        Parameters values;
        std::shared_ptr<Awaited<Answer>> answer;
    };

    asio::awaitable<void> serve(std::size_t place);
    asio::awaitable<bool> open(std::size_t place, Backoff &backoff, int &failures);
    asio::awaitable<std::optional<Job>> next_job();
    asio::awaitable<bool> run(Wire &wire, const Job &job);
    bool is_unconnected() const;
    void give(Job job);

    asio::io_context &io_;
    std::shared_ptr<const Conninfo> conninfo_;
    std::vector<std::string> preparation_;
    const Clock &clock_;
    Log &log_;
    std::vector<std::unique_ptr<Wire>> wires_;
    std::deque<Job> waiting_;
    std::vector<std::shared_ptr<Awaited<Job>>> idle_; // the last one is taken first
    enum class Reachable { unknown, yes, no } reachable_ = Reachable::unknown; // as tried last
    bool closed_ = false;
};

} // namespace sidecar::gateway
