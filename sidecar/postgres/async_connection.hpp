// One database connection that never blocks the loop: statements wait in line, one is under way at
// a time. Answers come through callbacks from pump(); only a statement that meets no connection, or
// one that breaks when it is sent, is failed from submit() or flush(). It reconnects by itself,
// with backoff. The rule a reader must know: in the extended protocol a statement's commit comes
// after its rows, so rows are handed on only when the server has said that it is ready again
// without an error.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "postgres/connector.hpp"
#include "postgres/libpq.hpp"

namespace sidecar
{

struct Statement {
    const char *sql; // static text
    Parameters values;
    std::function<void(std::variant<Rows, Failure>)> done;
};

class AsyncConnection
{
public:
    AsyncConnection(std::string name, std::shared_ptr<const Conninfo> conninfo,
                    std::vector<std::string> preparation, Duration statement_limit,
                    const Clock &clock, Log &log, Backoff backoff);

    bool
    connected() const
    {
        return connection_ != nullptr;
    }

    // Lines a statement up; fails it at once when there is no connection.
    void submit(Statement statement);

    // Reads, reconnects, calls back.
    void pump();

    // Sends what has been lined up; says when pump() has to be called at the latest.
    TimePoint flush();

    // What to wait for: descriptor and poll events.
    int fd() const;
    short events() const;

    // Whether a notification has come since the last call.
    bool take_notified();

    // Whether a connection has been made since the last call.
    bool take_connected();

    // Connects that failed in a row, and the last reason.
    int
    failures() const
    {
        return failures_;
    }
    const std::optional<Failure> &
    last_failure() const
    {
        return last_failure_;
    }

private:
    void reconnect(TimePoint now);
    void opened(Connector::Opened opened, TimePoint now);
    void lose(const std::string &why, TimePoint now);
    void send_next(TimePoint now);
    void receive(TimePoint now);
    void keep(Rows rows);
    void finish(TimePoint now);

    std::string name_;
    Connector connector_;
    Duration statement_limit_;
    const Clock &clock_;
    Log &log_;
    Backoff backoff_;
    Connection connection_;
    std::deque<Statement> waiting_;
    std::optional<Statement> under_way_;
    Rows rows_;                    // of the statement under way
    std::optional<Failure> error_; // of the statement under way
    TimePoint deadline_{};
    TimePoint reconnect_at_{};
    int failures_ = 0;
    std::optional<Failure> last_failure_;
    bool notified_ = false;
    bool newly_connected_ = false;
};

} // namespace sidecar
