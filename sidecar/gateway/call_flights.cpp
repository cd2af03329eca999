/* What a call says to its workspace, flight by flight. Part of call.hpp. */
#include "gateway/call.hpp"

#include <algorithm>
#include <utility>

#include "gateway/parameter.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr Oid text_type = 25;

// A procedure is a function rpc.<name>(jsonb); nothing in the workspace can stand in for the
// catalogs that are asked.
constexpr const char *procedure_sql =
    "SELECT p.proretset FROM pg_catalog.pg_proc p"
    " JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace"
    " WHERE n.nspname OPERATOR(pg_catalog.=) 'rpc' AND p.proname OPERATOR(pg_catalog.=) $1"
    " AND p.prokind OPERATOR(pg_catalog.=) 'f' AND p.pronargs OPERATOR(pg_catalog.=) 1"
    " AND p.proargtypes[0] OPERATOR(pg_catalog.=) 'pg_catalog.jsonb'::pg_catalog.regtype";

} // namespace

bool
Call::runs_at_once() const
{
    return !request_.procedure && (request_.key.is_reader() || !request_.idempotency_key) &&
           std::all_of(request_.parameters.begin(), request_.parameters.end(), fits_any_type);
}

// Lines up the transaction's beginning.
void
Call::begin(bool read_only)
{
    session_->wire.ask(read_only ? "BEGIN READ ONLY" : "BEGIN");
    if (!read_only && request_.idempotency_key)
        session_->wire.ask("SELECT pg_catalog.pg_current_xact_id()");
}

// Takes what begin() has asked for.
asio::awaitable<void>
Call::take_begin(bool read_only)
{
    const StatementResult begun = co_await session_->wire.take();
    if (!begun.succeeded()) {
        co_await check_key(); // whose session may have been ended
        throw unavailable("database_unavailable", "no transaction can be begun");
    }
    if (read_only || !request_.idempotency_key)
        co_return;
    const StatementResult id = co_await session_->wire.take();
    if (!id.succeeded())
        throw unavailable("database_unavailable", "no transaction can write now");
    xid_ = std::string(text_at(id.rows, 0, 0)); // cppcheck-suppress missingReturn ; of a coroutine
}

// Runs a statement whose parameters need no types, all in one flight.
asio::awaitable<void>
Call::run_at_once(bool read_only)
{
    Parameters values;
    if (!take_texts(nullptr, values))
        co_return;
    begin(read_only);
    session_->wire.ask(request_.sql.c_str(), values);
    send_end(read_only);
    co_await session_->wire.send();
    co_await take_begin(read_only);
    co_await take_statement();
    co_await take_end(read_only); // cppcheck-suppress missingReturn ; of a coroutine
}

// Has the statement parsed, and asks for its parameters and columns.
asio::awaitable<void>
Call::prepare(bool read_only)
{
    Wire &wire = session_->wire;
    begin(read_only);
    if (request_.procedure) {
        wire.ask(procedure_sql, {*request_.procedure});
    } else {
        wire.prepare(request_.sql);
        wire.describe();
    }
    session_->sync();
    co_await wire.send();
    co_await take_begin(read_only);
    StatementResult first = co_await wire.take();
    StatementResult described;
    if (!request_.procedure)
        described = co_await wire.take();
    co_await session_->take_sync();
    if (first.error)
        refuse(*first.error);
    else if (described.error)
        refuse(*described.error);
    else if (request_.procedure)
        find_procedure(first);
    else
        description_ = std::move(described.rows);
    if (description_)
        co_await look_up_types(); // cppcheck-suppress missingReturn ; of a coroutine
}

void
Call::find_procedure(const StatementResult &found)
{
    if (PQntuples(found.rows.get()) == 0) {
        refuse(Problem(404, "unknown_procedure",
                       "there is no function rpc." + *request_.procedure + "(jsonb)"));
        return;
    }
    end_.procedure_exists = true;
    is_set_ = text_at(found.rows, 0, 0) == "t";
    request_.sql = "SELECT rpc.\"" + *request_.procedure + "\"($1::pg_catalog.jsonb)";
}

// Checks the number of parameters, and looks up what is not known of their types and the columns'.
asio::awaitable<void>
Call::look_up_types()
{
    const PGresult *description = description_.get();
    const auto wanted = static_cast<std::size_t>(PQnparams(description));
    if (wanted != request_.parameters.size()) {
        refuse(Problem(400, "params_mismatch",
                       "the statement has " + std::to_string(wanted) + " parameters, and " +
                           std::to_string(request_.parameters.size()) + " were given"));
        co_return;
    }
    std::vector<Oid> types;
    for (int i = 0; i < PQnparams(description); i++)
        types.push_back(PQparamtype(description, i));
    for (int i = 0; i < PQnfields(description); i++)
        types.push_back(PQftype(description, i));
    std::erase_if(types, [&](Oid type) { return types_->knows(type); });
    if (types.empty())
        co_return;
    co_await learn(types);
    parse_again_ = true; // the look-up has taken the unnamed statement's place
}

// Learns types from the workspace's catalog.
asio::awaitable<void>
Call::learn(const std::vector<Oid> &types)
{
    std::string array = "{";
    co_await session_->take_rest(); // a reader's DISCARD ALL
    for (const Oid type : types)
        array.append(array.size() > 1 ? "," : "").append(std::to_string(type));
    session_->wire.ask(Types::lookup_sql, {array + "}"});
    session_->sync();
    co_await session_->wire.send();
    const StatementResult found = co_await session_->wire.take();
    co_await session_->take_sync();
    if (found.succeeded())
        types_->learn(found.rows.get()); // cppcheck-suppress missingReturn ; of a coroutine
}

// Runs the statement that prepare() has prepared, or the procedure it has found.
asio::awaitable<void>
Call::execute(bool read_only)
{
    Wire &wire = session_->wire;
    Parameters values;
    if (!take_texts(description_.get(), values))
        co_return;
    if (parse_again_)
        wire.prepare(request_.sql);
    if (request_.procedure)
        wire.ask(request_.sql.c_str(), values);
    else
        wire.execute(values);
    send_end(read_only);
    co_await wire.send();
    if (parse_again_) {
        const StatementResult parsed = co_await wire.take();
        if (parsed.error)
            refuse(*parsed.error);
    }
    co_await take_statement();
    co_await take_end(read_only); // cppcheck-suppress missingReturn ; of a coroutine
}

// Makes the parameters' texts; false: one fits no such parameter, which is what the call comes to.
bool
Call::take_texts(const PGresult *description, Parameters &values)
{
    try {
        for (std::size_t i = 0; i < request_.parameters.size(); i++) {
            const int place = static_cast<int>(i);
            values.push_back(
                parameter_text(request_.parameters[i],
                               description != nullptr ? PQparamtype(description, place) : text_type,
                               *types_, place + 1));
        }
        return true;
    } catch (const Problem &problem) {
        refuse(problem);
        return false;
    }
}

// Lines up what stands behind the statement: a reader's transaction ends; another's constraints
// speak, and its commit is flushed, whatever the statement has set.
void
Call::send_end(bool read_only)
{
    Wire &wire = session_->wire;
    if (read_only) {
        wire.ask("COMMIT");
        session_->sync();
        wire.ask("DISCARD ALL");
    } else {
        wire.ask("SET CONSTRAINTS ALL IMMEDIATE");
        wire.ask("SET LOCAL synchronous_commit = on");
    }
    session_->sync();
}

asio::awaitable<void>
Call::take_end(bool read_only)
{
    const StatementResult first = co_await session_->wire.take();
    if (first.error)
        refuse(*first.error);
    if (!read_only)
        co_await session_->wire.take();
    co_await session_->take_sync();
    // PostgreSQL runs these without an error, only tag and state tell.
    const bool moved = !read_only && session_->wire.state() != PQTRANS_INTRANS;
    if (!problem_ && (moved || controls_transaction(tag_.command)))
        refuse(Problem(400, "transaction_control",
                       "a statement cannot begin or end the transaction: each call is one"));
}

// Takes the statement's rows, tag or error.
asio::awaitable<void>
Call::take_statement()
{
    PQsetSingleRowMode(session_->wire.get());
    session_->notes = &answer_;
    bool described = false;
    std::int64_t count = 0;
    for (;;) {
        const Rows result = co_await session_->wire.next();
        if (!result)
            break;
        switch (PQresultStatus(result.get())) {
        case PGRES_SINGLE_TUPLE:
        case PGRES_TUPLES_OK:
            count += PQntuples(result.get());
            take_rows(result.get(), described);
            [[fallthrough]];
        case PGRES_COMMAND_OK:
            tag_ = read_tag(PQcmdStatus(const_cast<PGresult *>(result.get())), described);
            break;
        case PGRES_EMPTY_QUERY:
            refuse(Problem(400, "empty_statement", "the statement holds nothing but comments"));
            break;
        case PGRES_COPY_IN:
        case PGRES_COPY_OUT:
        case PGRES_COPY_BOTH:
            session_->wire.break_off();
            throw Problem(400, "copy_not_supported",
                          "COPY from or to the client cannot be done here");
        case PGRES_FATAL_ERROR:
            refuse(error_of(result.get()));
            break;
        default: // skipped
            break;
        }
    }
    if (described)
        tag_.rows = count;
    end_.command = tag_.command;
    session_->notes = nullptr; // cppcheck-suppress missingReturn ; of a coroutine
}

// Writes rows into the answer; of one that is refused the rest is only read.
void
Call::take_rows(const PGresult *rows, bool &described)
{
    if (problem_)
        return;
    try {
        if (!std::exchange(described, true))
            answer_.describe(rows, *types_);
        answer_.append(rows, *types_);
    } catch (const Problem &problem) {
        refuse(problem);
        parts_.sessions.cancel(*session_);
    }
}

// Looks up the types of columns that nobody has asked for yet.
asio::awaitable<void>
Call::resolve_types()
{
    if (problem_ || answer_.unknown_types().empty())
        co_return;
    co_await learn(answer_.unknown_types());
    try {
        answer_.resolve(*types_);
    } catch (const Problem &problem) {
        refuse(problem);
    }
}

// What comes first is what the call comes to.
void
Call::refuse(const SqlError &error)
{
    if (problem_)
        return;
    needs_none_ = needs_no_transaction(error);
    end_.sqlstate = error.sqlstate;
    refuse(problem_of(error));
}

void
Call::refuse(const Problem &problem)
{
    if (!problem_)
        problem_ = problem;
}

} // namespace sidecar::gateway
