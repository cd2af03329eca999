// See call.hpp.
#include "gateway/call.hpp"

#include <utility>

#include "base/text.hpp"
#include "gateway/json_text.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr std::size_t large_answer = 1024 * 1024; // bytes beyond which libpq's buffer is not kept
constexpr std::size_t max_audited_sql = 8 * 1024; // bytes

} // namespace

Call::Call(Parts parts, const CallSettings &settings, CallRequest request, const bool &client_gone)
    : parts_(parts), settings_(settings), request_(std::move(request)), client_gone_(client_gone),
      started_(parts.clock.now()), record_(parts.registry, parts.reports, request_)
{
}

Call::~Call()
{
    if (session_)
        parts_.sessions.give_back(std::move(session_),
                                  execution_ && execution_->answer_size() > large_answer);
}

asio::awaitable<Response>
Call::run()
{
    co_await take_session();
    const TimePoint asked = std::exchange(started_, parts_.clock.now());
    waited_ = started_ - asked;
    execution_.emplace(parts_.sessions, *session_, request_, settings_.max_answer);
    session_->client_gone = &client_gone_;
    session_->wire.limit_row(settings_.max_answer + settings_.max_answer / 4);
    session_->wire.set_deadlines(started_ + settings_.statement_timeout + std::chrono::seconds(1),
                                 started_ + settings_.statement_timeout + std::chrono::seconds(2));
    std::optional<WireLost> broken;
    try {
        if (request_.key.is_reader())
            co_return co_await read();
        co_return co_await write();
    } catch (const WireLost &error) {
        broken = error;
    } catch (const NotBegun &) {
        // Why, is asked for.
    }
    if (!broken || (!commit_sent_ && !is_late(*broken)))
        co_await record_.check_key(); // whose sessions may have been ended
    if (!broken)
        throw unavailable("database_unavailable", "no transaction can be begun");
    lost(*broken);
}

// Takes a session of the key. Where none can be had, the key may be why.
asio::awaitable<void>
Call::take_session()
{
    std::optional<Problem> none;
    try {
        session_ = co_await parts_.sessions.take(request_.key);
    } catch (const Problem &problem) {
        none = problem;
    }
    if (!none)
        co_return;
    if (none->title == "database_unavailable")
        co_await record_.check_key();
    throw *none;
}

// A reader's call: its transaction is read-only and over when its rows are there. Whether the key
// may still read is asked meanwhile.
asio::awaitable<Response>
Call::read()
{
    const Registry::Asked asked = parts_.registry.ask_state(request_.head.key_id);
    if (request_.idempotency_key)
        if (auto told = co_await record_.reserve(std::nullopt, session_->pid()))
            co_return std::move(*told);
    if (!execution_->runs_at_once()) {
        co_await execution_->prepare();
        if (!execution_->problem())
            co_await execution_->execute();
    } else {
        co_await execution_->run_at_once();
    }
    co_await execution_->resolve_types();
    co_return co_await finish_read(asked);
}

asio::awaitable<Response>
Call::finish_read(const Registry::Asked &asked)
{
    const auto state = co_await asked->get(parts_.clock.now() + std::chrono::seconds(5));
    if (!state || state->key.empty())
        throw unavailable("database_unavailable", "the control database does not answer");
    state->check();
    Response told = response();
    if (!record_.is_reserved()) {
        parts_.reports.add(request_.head, told.status, detail());
        co_return told;
    }
    co_await record_.finish(told, title(), std::nullopt, detail());
    co_return told;
}

// A call that may write: nothing commits before the registry has its audit row.
asio::awaitable<Response>
Call::write()
{
    Execution &execution = *execution_;
    if (execution.runs_at_once()) {
        co_await execution.run_at_once();
    } else {
        co_await execution.prepare();
        if (request_.idempotency_key)
            if (auto told = co_await record_.reserve(execution.transaction().id(), session_->pid()))
                co_return std::move(*told);
        if (!execution.problem())
            co_await execution.execute();
    }
    if (execution.needs_none() && request_.key.role == "dbadmin" && !request_.idempotency_key)
        co_return co_await run_alone();
    co_await execution.resolve_types();
    if (client_gone_)
        throw Problem(408, "statement_timeout", "the client has gone");
    if (record_.is_reserved() && execution.answer_size() > CallRecord::max_kept)
        execution.refuse(
            Problem(413, "response_too_large",
                    "the answer of a call with an Idempotency-Key is larger than 1 MiB"));
    if (execution.problem())
        co_return co_await finish_refused();
    co_return co_await commit();
}

// A refused statement: its transaction is over before its answer is kept.
asio::awaitable<Response>
Call::finish_refused()
{
    if (record_.is_reserved() && session_->wire.state() != PQTRANS_IDLE)
        co_await execution_->transaction().roll_back();
    Response told = response();
    co_await record_.finish(told, title(), std::nullopt, detail());
    co_return told;
}

// The registry first, then the workspace: what is committed there has its audit row.
asio::awaitable<Response>
Call::commit()
{
    Response told = response();
    co_await record_.finish(told, "", execution_->transaction().id(), detail());
    commit_sent_ = true;
    const auto failed = co_await execution_->transaction().commit();
    if (failed) {
        execution_->refuse(*failed);
        told = response();
        record_.correct(told.status, execution_->sqlstate(), R"(,"outcome":"rolled back")");
    }
    co_return told;
}

// Statements such as VACUUM run once more, by themselves, when their audit row is there.
asio::awaitable<Response>
Call::run_alone()
{
    co_await execution_->start_over();
    const Response begun;
    co_await record_.finish(begun, "", std::nullopt, detail());
    co_await execution_->run_alone();
    if (auto &problem = execution_->problem()) {
        if (problem->title == "statement_timeout")
            problem->hint = "An index that was being made stays behind invalid: drop it.";
        record_.correct(problem->status, execution_->sqlstate());
    }
    co_return response();
}

// The connection broke, or took too long.
void
Call::lost(const WireLost &lost)
{
    const bool late = is_late(lost);
    if (late)
        parts_.sessions.end_backend(*session_, request_.key);
    Problem problem =
        late ? no_time()
             : unavailable("database_unavailable", "the connection to the workspace was lost");
    if (commit_sent_)
        problem = unavailable("database_unavailable",
                              "the connection was lost while the statement was being committed");
    else if (lost.error && !lost.error->sqlstate.empty())
        problem = problem_of(*lost.error);
    timed_out_ = problem.title == "statement_timeout";
    throw problem;
}

// Whether the connection was broken off because the call's time was over.
bool
Call::is_late(const WireLost &lost) const
{
    return session_->wire.broken_off() && !lost.error &&
           parts_.clock.now() >= started_ + settings_.statement_timeout;
}

Problem
Call::no_time() const
{
    return {408, "statement_timeout",
            "the statement did not end within " +
                std::to_string(settings_.statement_timeout.count()) +
                " ms, nor when it was cancelled"};
}

Response
Call::response()
{
    if (execution_->problem())
        return response_of(*execution_->problem());
    Response response;
    response.body = execution_->take_body((parts_.clock.now() - started_).count());
    return response;
}

CallEnd
Call::end() const
{
    CallEnd end;
    end.replayed = record_.is_replayed();
    end.waited = waited_;
    if (execution_) {
        end.command = execution_->tag().command;
        end.sqlstate = execution_->sqlstate();
        end.procedure_exists = execution_->procedure_exists();
    }
    if (timed_out_)
        end.sqlstate = "57014";
    return end;
}

// The title of what refused the statement; empty: nothing did.
std::string
Call::title() const
{
    return execution_->problem() ? execution_->problem()->title : "";
}

// What the audit row says beyond the call's head.
std::string
Call::detail() const
{
    std::string detail = R"({"pid":)" + std::to_string(session_->pid());
    const auto add = [&](const char *name, const std::string &text) {
        detail.append(",\"").append(name).append("\":");
        append_json_string(detail, text);
    };
    const CommandTag &tag = execution_->tag();
    const auto &problem = execution_->problem();
    if (!tag.command.empty() && !problem) {
        add("command", tag.command);
        detail += R"(,"rows":)" + std::to_string(tag.rows);
    }
    if (request_.procedure)
        add("procedure", *request_.procedure);
    if (problem) {
        add("sqlstate", problem->sqlstate);
        add("title", problem->title);
    }
    if (settings_.audit_sql && !request_.procedure)
        add("sql", cut_text(request_.sql, max_audited_sql));
    return detail + "}";
}

} // namespace sidecar::gateway
