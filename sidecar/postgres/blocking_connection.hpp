// A database connection whose calls wait for their answer: for commands, for threads of their own,
// and for the pool that answers requests. It belongs to one thread at a time.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "postgres/libpq.hpp"

namespace sidecar
{

class BlockingConnection
{
public:
    static constexpr Duration no_deadline = Duration::max();

    // Connects and runs the statements of preparation. A statement that has not been answered when
    // deadline is over breaks the connection. Throws a Failure without the password in its text.
    explicit BlockingConnection(const Conninfo &conninfo,
                                const std::vector<std::string> &preparation = {},
                                Duration deadline = no_deadline);

    // Runs a statement. Throws a Failure: what the server said, or a retry when the connection
    // broke; alive() tells them apart.
    Rows query(const char *sql, const Parameters &parameters = {});

    // Runs a statement that is prepared under this name when it is first used.
    Rows prepared_query(const char *name, const char *sql, const Parameters &parameters);

    // Whether the connection is there, as far as one can know without asking the server. It takes
    // in what came since the last statement.
    bool alive();

    // Whether no transaction is open.
    bool
    is_idle() const
    {
        return PQtransactionStatus(connection_.get()) == PQTRANS_IDLE;
    }

    // Gives the connection away; this object is of no use any more.
    Connection
    release()
    {
        return std::move(connection_);
    }

private:
    Rows answer(bool sent);
    void await_readable(TimePoint until);
    [[noreturn]] void lose(const char *why = nullptr);

    Duration deadline_;
    Connection connection_;
    std::set<std::string> prepared_;
    bool lost_ = false;
};

} // namespace sidecar
