// See pg_database.hpp.
#include "platform/pg_database.hpp"

#include <utility>
#include <variant>

#include "base/text.hpp"

namespace sidecar
{
namespace
{

constexpr Duration pause_after_failure = std::chrono::seconds(1);
constexpr std::size_t max_text = 1024;

Duration::rep
steady_now()
{
    return SystemClock().now().time_since_epoch().count();
}

std::string
field_of(const PGresult *rows, int field)
{
    const char *text = rows != nullptr ? PQresultErrorField(rows, field) : nullptr;
    return text != nullptr ? cut_text(clean_text(text), max_text) : "";
}

} // namespace

std::optional<std::string>
PgDatabase::value(const Query &query, const Parameters &parameters)
{
    const bool alone = !connection_ || PQtransactionStatus(connection_.get()) == PQTRANS_IDLE;
    need_connection();
    try {
        return ask(query, parameters);
    } catch (const Problem &) {
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
    command("BEGIN");
}

void
PgDatabase::commit()
{
    command("COMMIT");
}

void
PgDatabase::act_for(const std::string &user)
{
    need_connection();
    if (acting_for_ == user)
        return;
    static constexpr Query name = {
        "act_for", "SELECT set_config('application_name', 'appinfrad for ' || $1, false)",
        Effect::reads};
    value(name, {user});
    acting_for_ = user;
}

void
PgDatabase::tidy()
{
    if (connection_ && PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) {
        const Rows rows(PQexec(connection_.get(), "ROLLBACK"));
        if (PQresultStatus(rows.get()) != PGRES_COMMAND_OK)
            drop();
    }
}

void
PgDatabase::need_connection()
{
    if (usable())
        return;
    if (steady_now() < shared_->try_at)
        throw database_unavailable("the database cannot be reached");
    auto opened = Connector::connect(
        *shared_->conninfo,
        {"SET statement_timeout = " + std::to_string(shared_->statement_timeout.count()),
         "SET idle_session_timeout = 0", "SELECT appinfra.version()"});
    if (const auto *failure = std::get_if<Failure>(&opened)) {
        shared_->failures++;
        shared_->try_at = steady_now() + pause_after_failure.count();
        // The text names hosts and logins, which are the operator's: it goes to the log alone.
        if (shared_->failed)
            shared_->failed(*failure);
        throw database_unavailable(failure->kind() == Failure::Kind::configuration
                                       ? "the database does not let the sidecar in as it is set up"
                                       : "the database cannot be reached");
    }
    connection_ = std::get<Connection>(std::move(opened));
    PQsetnonblocking(connection_.get(), 0);
}

// Whether the connection is there, as far as one can know without asking.
bool
PgDatabase::usable()
{
    if (connection_ && PQtransactionStatus(connection_.get()) == PQTRANS_IDLE)
        PQconsumeInput(connection_.get());
    if (connection_ && PQstatus(connection_.get()) != CONNECTION_OK)
        drop();
    return connection_ != nullptr;
}

void
PgDatabase::drop()
{
    if (connection_)
        shared_->broken++;
    connection_.reset();
    prepared_.clear();
    acting_for_.clear();
}

void
PgDatabase::command(const char *sql)
{
    if (!connection_)
        throw database_unavailable("the connection to the database broke");
    const Rows rows(PQexec(connection_.get(), sql));
    if (PQresultStatus(rows.get()) != PGRES_COMMAND_OK)
        fail(rows.get());
}

std::optional<std::string>
PgDatabase::ask(const Query &query, const Parameters &parameters)
{
    if (!connection_)
        throw database_unavailable("the connection to the database broke");
    if (!prepared_.contains(query.name))
        prepare(query);
    std::vector<const char *> values;
    values.reserve(parameters.size());
    for (const auto &parameter : parameters)
        values.push_back(parameter ? parameter->c_str() : nullptr);
    const Rows rows(PQexecPrepared(connection_.get(), query.name, static_cast<int>(values.size()),
                                   values.data(), nullptr, nullptr, 0));
    if (PQresultStatus(rows.get()) != PGRES_TUPLES_OK)
        fail(rows.get());
    if (PQntuples(rows.get()) == 0 || PQgetisnull(rows.get(), 0, 0) != 0)
        return std::nullopt;
    return std::string(PQgetvalue(rows.get(), 0, 0),
                       static_cast<std::size_t>(PQgetlength(rows.get(), 0, 0)));
}

void
PgDatabase::prepare(const Query &query)
{
    const Rows rows(PQprepare(connection_.get(), query.name, query.sql, 0, nullptr));
    if (PQresultStatus(rows.get()) != PGRES_COMMAND_OK)
        fail(rows.get());
    prepared_.insert(query.name);
}

// Throws the Problem an answer stands for; gives the connection up when it is of no more use.
void
PgDatabase::fail(const PGresult *rows)
{
    const std::string sqlstate = field_of(rows, PG_DIAG_SQLSTATE);
    Problem problem = sqlstate.empty()
                          ? database_unavailable("the connection to the database broke")
                          : problem_of(sqlstate, field_of(rows, PG_DIAG_MESSAGE_PRIMARY),
                                       field_of(rows, PG_DIAG_MESSAGE_DETAIL),
                                       field_of(rows, PG_DIAG_MESSAGE_HINT));
    // 25006: a server that takes no writes (any more); connecting again finds the one that does.
    if (sqlstate.empty() || sqlstate == "25006" || sqlstate.starts_with("57P") ||
        PQstatus(connection_.get()) != CONNECTION_OK)
        drop();
    throw problem;
}

} // namespace sidecar
