// What both ways of using libpq share: its handles behind unique_ptr, how a connection is opened,
// and the Failure that a refused statement stands for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <libpq-fe.h>

#include "base/failure.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/parameters.hpp"

namespace sidecar
{

struct ConnectionRelease {
    void
    operator()(PGconn *connection) const
    {
        PQfinish(connection);
    }
};
// Overwrites every value where it stands, then releases: a row may hold a DSN.
struct ResultRelease {
    void operator()(PGresult *result) const;
};
struct NotifyRelease {
    void
    operator()(PGnotify *notify) const
    {
        PQfreemem(notify);
    }
};
using Connection = std::unique_ptr<PGconn, ConnectionRelease>;
using Rows = std::unique_ptr<PGresult, ResultRelease>;
using Notify = std::unique_ptr<PGnotify, NotifyRelease>;

// The parameters as libpq takes them; valid as long as they live.
std::vector<const char *> pointers_to(const Parameters &parameters);

// Connects, and waits for it. Throws a retry Failure that says where and what to check, and holds
// no password.
Connection open_connection(const Conninfo &conninfo);

// Whether an answer is what a statement gives that was not refused.
bool succeeded(const PGresult *rows);

// The Failure a refused statement stands for, with what the server said; rows may be null when the
// connection broke.
Failure failure_of(const PGconn *connection, const PGresult *rows);

// Adds to a failure of the sidecar's login at the control database what the operator has to do,
// where that is known: it is one of configuration then.
Failure with_remedy(const Failure &failure);

// A value of a row as text, which lives as long as the rows, and as a number.
std::string_view text_at(const Rows &rows, int row, int column);
std::int64_t number_at(const Rows &rows, int row, int column);

// libpq keeps what it has received until it receives something else. This statement, with the size
// for the rows that held a secret, has the server send so much filler that nothing of them is left.
inline constexpr const char *filler_sql = "SELECT repeat('-', $1::integer)";
std::string filler_size(const Rows &rows);

} // namespace sidecar
