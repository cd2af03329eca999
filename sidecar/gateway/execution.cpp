// See execution.hpp.
#include "gateway/execution.hpp"

#include <algorithm>
#include <utility>

#include "gateway/parameter.hpp"
#include "gateway/procedure.hpp"

namespace sidecar::gateway
{
namespace
{

Problem
no_control()
{
    return {400, "transaction_control",
            "a statement cannot begin or end the transaction: each call is one"};
}

} // namespace

Execution::Execution(Sessions &sessions, Session &session, const CallRequest &request,
                     std::size_t max_answer)
    : sessions_(sessions), session_(session), request_(request), sql_(request.sql),
      transaction_(session, request.key.is_reader(),
                   !request.key.is_reader() && request.idempotency_key),
      types_(sessions.types_of(request.key.db_id)), answer_(max_answer)
{
    if (request.procedure)
        answer_.take_values();
}

bool
Execution::runs_at_once() const
{
    return !request_.procedure && (request_.key.is_reader() || !request_.idempotency_key) &&
           std::all_of(request_.parameters.begin(), request_.parameters.end(), fits_any_type);
}

// Runs a statement whose parameters need no types, all in one flight.
asio::awaitable<void>
Execution::run_at_once()
{
    Parameters values;
    if (!take_texts(nullptr, values))
        co_return;
    transaction_.send_begin();
    session_.wire.ask(sql_.c_str(), values);
    transaction_.send_end();
    co_await session_.wire.send();
    co_await transaction_.take_begin();
    co_await take_statement();
    co_await take_end(); // cppcheck-suppress missingReturn ; of a coroutine
}

// Has the statement parsed, and asks for its parameters and columns.
asio::awaitable<void>
Execution::prepare()
{
    Wire &wire = session_.wire;
    transaction_.send_begin();
    if (request_.procedure) {
        wire.ask(find_procedure_sql, {*request_.procedure});
    } else {
        wire.prepare(sql_);
        wire.describe();
    }
    session_.sync();
    co_await wire.send();
    co_await transaction_.take_begin();
    StatementResult first = co_await wire.take();
    StatementResult described;
    if (!request_.procedure)
        described = co_await wire.take();
    co_await session_.take_sync();
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
Execution::find_procedure(const StatementResult &found)
{
    if (PQntuples(found.rows.get()) == 0) {
        refuse(Problem(404, "unknown_procedure",
                       "there is no function rpc." + *request_.procedure + "(jsonb)"));
        return;
    }
    procedure_exists_ = true;
    is_set_ = text_at(found.rows, 0, 0) == "t";
    sql_ = call_of(*request_.procedure);
}

// Checks the number of parameters, and looks up what is not known of their types and the columns'.
asio::awaitable<void>
Execution::look_up_types()
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
    co_await session_.learn(*types_, types);
    parse_again_ = true; // the look-up has taken the unnamed statement's place
}

// Runs the statement that prepare() has prepared, or the procedure it has found.
asio::awaitable<void>
Execution::execute()
{
    Wire &wire = session_.wire;
    Parameters values;
    if (!take_texts(description_.get(), values))
        co_return;
    if (parse_again_)
        wire.prepare(sql_);
    if (request_.procedure)
        wire.ask(sql_.c_str(), values);
    else
        wire.execute(values);
    transaction_.send_end();
    co_await wire.send();
    if (parse_again_) {
        const StatementResult parsed = co_await wire.take();
        if (parsed.error)
            refuse(*parsed.error);
    }
    co_await take_statement();
    co_await take_end(); // cppcheck-suppress missingReturn ; of a coroutine
}

// Makes the parameters' texts; false: one fits no such parameter, which is what the call comes to.
bool
Execution::take_texts(const PGresult *description, Parameters &values)
{
    try {
        values = parameter_texts(request_.parameters, description, *types_);
        return true;
    } catch (const Problem &problem) {
        refuse(problem);
        return false;
    }
}

asio::awaitable<void>
Execution::take_end()
{
    const auto error = co_await transaction_.take_end();
    if (error)
        refuse(*error);
    // PostgreSQL runs these without an error, only tag and state tell.
    if (!problem_ && (transaction_.was_moved() || controls_transaction(tag_.command)))
        refuse(no_control()); // cppcheck-suppress missingReturn ; of a coroutine
}

asio::awaitable<void>
Execution::start_over()
{
    co_await transaction_.roll_back();
    problem_.reset();
    tag_ = {};
    sqlstate_ = "00000"; // cppcheck-suppress missingReturn ; of a coroutine
}

asio::awaitable<void>
Execution::run_alone()
{
    Parameters values;
    if (!take_texts(nullptr, values))
        co_return;
    session_.wire.ask(sql_.c_str(), values);
    session_.sync();
    co_await session_.wire.send();
    co_await take_statement();
    co_await session_.take_sync(); // cppcheck-suppress missingReturn ; of a coroutine
}

// Takes the statement's rows, tag or error.
asio::awaitable<void>
Execution::take_statement()
{
    PQsetSingleRowMode(session_.wire.get());
    session_.notes = &answer_;
    bool described = false;
    std::int64_t count = 0;
    for (;;) {
        const Rows result = co_await session_.wire.next();
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
            session_.wire.break_off();
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
    session_.notes = nullptr; // cppcheck-suppress missingReturn ; of a coroutine
}

// Writes rows into the answer; of one that is refused the rest is only read.
void
Execution::take_rows(const PGresult *rows, bool &described)
{
    if (problem_)
        return;
    try {
        if (!std::exchange(described, true))
            answer_.describe(rows, *types_);
        answer_.append(rows, *types_);
    } catch (const Problem &problem) {
        refuse(problem);
        sessions_.cancel(session_);
    }
}

// Looks up the types of columns that nobody has asked for yet.
asio::awaitable<void>
Execution::resolve_types()
{
    if (problem_ || answer_.unknown_types().empty())
        co_return;
    co_await session_.learn(*types_, answer_.unknown_types());
    try {
        answer_.resolve(*types_);
    } catch (const Problem &problem) {
        refuse(problem);
    }
}

// What comes first is what the call comes to.
void
Execution::refuse(const SqlError &error)
{
    if (problem_)
        return;
    needs_none_ = needs_no_transaction(error);
    sqlstate_ = error.sqlstate;
    // Behind the look at the transaction's id a BEGIN with a level is an error; else it has a tag.
    const bool begins = error.sqlstate == "25001" && !needs_none_ && begins_transaction(sql_);
    refuse(begins ? no_control() : problem_of(error));
}

void
Execution::refuse(const Problem &problem)
{
    if (!problem_)
        problem_ = problem;
}

std::string
Execution::take_body(std::int64_t duration_ms)
{
    answer_size_ = answer_.size();
    if (request_.procedure)
        return answer_.take_body(*request_.procedure, is_set_, duration_ms);
    return answer_.take_body(tag_, duration_ms);
}

} // namespace sidecar::gateway
