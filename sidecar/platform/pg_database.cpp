// See pg_database.hpp.
#include "platform/pg_database.hpp"

#include <utility>

namespace sidecar
{
namespace
{

constexpr Duration pause_after_failure = std::chrono::seconds(1);
constexpr Duration grace = std::chrono::seconds(5); // for the network, beyond statement_timeout

constexpr const char *unreachable = "the database cannot be reached";
constexpr const char *broken = "the connection to the database broke";

Duration::rep
steady_now()
{
    return SystemClock().now().time_since_epoch().count();
}

// Whether another connection may find what this one does not: 25006 is a server that takes no
// writes (any more), 57P one that goes down.
bool
wants_another(const std::string &sqlstate)
{
    return sqlstate.empty() || sqlstate == "25006" || sqlstate.starts_with("57P");
}

} // namespace

std::optional<std::string>
PgDatabase::value(const Query &query, const Parameters &parameters)
{
    const bool alone = !connection_ || connection_->is_idle();
    need_connection();
    try {
        return ask(query, parameters);
    } catch (const Failure &) {
        // A server that restarted since the last query: a reader need not notice.
        if (connection_ || !alone || query.effect == Effect::writes)
            throw;
    }
    need_connection();
    return ask(query, parameters);
}

void
PgDatabase::begin()
{
    need_connection();
    on_connection([](BlockingConnection &connection) { return connection.query("BEGIN"); });
}

void
PgDatabase::commit()
{
    on_connection([](BlockingConnection &connection) { return connection.query("COMMIT"); });
}

void
PgDatabase::act_for(const std::string &user)
{
    static constexpr Query name = {"act_for", "SELECT set_config('appinfra.end_user', $1, true)",
                                   Effect::writes};
    value(name, {user});
}

void
PgDatabase::tidy()
{
    if (!connection_ || connection_->is_idle())
        return;
    try {
        connection_->query("ROLLBACK");
    } catch (const Failure &) {
        drop();
    }
}

// Makes sure that there is a connection, as far as one can know without asking.
void
PgDatabase::need_connection()
{
    if (connection_ && !connection_->alive())
        drop();
    if (connection_)
        return;
    if (steady_now() < login_->try_at)
        throw Failure(Failure::Kind::retry, unreachable);
    try {
        connect();
    } catch (const Failure &failure) {
        login_->failures++;
        login_->try_at = steady_now() + pause_after_failure.count();
        // The text names hosts and logins, which are the operator's: it goes to the log alone.
        const Failure told = with_remedy(failure);
        if (login_->failed)
            login_->failed(told);
        throw Failure(told.kind(), told.kind() == Failure::Kind::configuration
                                       ? "the database does not let the sidecar in as it is set up"
                                       : unreachable);
    }
}

void
PgDatabase::connect()
{
    connection_.emplace(
        *login_->conninfo,
        std::vector<std::string>{"SET statement_timeout = " +
                                     std::to_string(login_->statement_timeout.count()),
                                 "SET idle_session_timeout = 0", "SELECT appinfra.version()"},
        login_->statement_timeout + grace);
}

void
PgDatabase::drop()
{
    if (connection_)
        login_->broken++;
    connection_.reset();
}

std::optional<std::string>
PgDatabase::ask(const Query &query, const Parameters &parameters)
{
    const Rows rows = on_connection([&](BlockingConnection &connection) {
        return connection.prepared_query(query.name, query.sql, parameters);
    });
    if (query.secret)
        on_connection([&](BlockingConnection &connection) {
            return connection.prepared_query("filler", filler_sql, {filler_size(rows)});
        });
    if (PQntuples(rows.get()) == 0 || PQgetisnull(rows.get(), 0, 0) != 0)
        return std::nullopt;
    return std::string(text_at(rows, 0, 0));
}

// Runs body on the connection, which must be there: in the middle of a transaction another one
// would not do.
template <typename Body>
Rows
PgDatabase::on_connection(Body body)
{
    if (!connection_)
        throw Failure(Failure::Kind::retry, broken);
    try {
        return body(*connection_);
    } catch (const Failure &failure) {
        refuse(failure);
    }
}

// Throws the failure in words for a caller; gives the connection up when it is of no more use.
void
PgDatabase::refuse(const Failure &failure)
{
    if (wants_another(failure.sqlstate()) || !connection_->alive())
        drop();
    if (failure.sqlstate().empty())
        throw Failure(Failure::Kind::retry, broken);
    throw failure;
}

} // namespace sidecar
