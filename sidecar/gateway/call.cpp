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
constexpr std::size_t max_kept = 1024 * 1024;     // bytes of an answer that is kept
constexpr std::size_t max_audited_sql = 8 * 1024; // bytes

Response
kept_response(const Verdict &verdict)
{
    Response response;
    response.status = verdict.status;
    response.body = verdict.body;
    if (verdict.status >= 400)
        response.type = "application/problem+json";
    response.headers["X-Idempotent-Replayed"] = "true";
    return response;
}

} // namespace

Call::Call(Parts parts, const CallSettings &settings, CallRequest request, const bool &client_gone)
    : parts_(parts), settings_(settings), request_(std::move(request)), client_gone_(client_gone),
      started_(parts.clock.now()), answer_(settings.max_answer)
{
    if (request_.procedure)
        answer_.take_values();
}

Call::~Call()
{
    if (session_)
        parts_.sessions.give_back(std::move(session_), answer_size_ > large_answer);
}

asio::awaitable<Response>
Call::run()
{
    co_await take_session();
    types_ = parts_.sessions.types_of(request_.key.db_id);
    const TimePoint asked = std::exchange(started_, parts_.clock.now());
    end_.waited = started_ - asked;
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
    }
    if (!commit_sent_ && !is_late(*broken))
        co_await check_key(); // whose sessions may have been ended
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
        co_await check_key();
    throw *none;
}

// A reader's call: its transaction is read-only and over when its rows are there. Whether the key
// may still read is asked meanwhile.
asio::awaitable<Response>
Call::read()
{
    const Registry::Asked asked = parts_.registry.ask_state(request_.head.key_id);
    if (request_.idempotency_key)
        if (auto told = co_await reserve(std::nullopt))
            co_return std::move(*told);
    if (!runs_at_once()) {
        co_await prepare(true);
        if (!problem_)
            co_await execute(true);
    } else {
        co_await run_at_once(true);
    }
    co_await resolve_types();
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
    if (!call_id_) {
        parts_.reports.add(request_.head, told.status, detail());
        co_return told;
    }
    const bool kept =
        told.body.size() <= max_kept && is_kept(told.status, problem_ ? problem_->title : "");
    const Registry::Ending ending{call_id_, std::nullopt, told.status, kept ? &told.body : nullptr,
                                  detail()};
    if (!co_await parts_.registry.finish(request_.head, ending))
        co_await refuse_end();
    co_return told;
}

// A call that may write: nothing commits before the registry has its audit row.
asio::awaitable<Response>
Call::write()
{
    if (runs_at_once()) {
        co_await run_at_once(false);
    } else {
        co_await prepare(false);
        if (request_.idempotency_key)
            if (auto told = co_await reserve(xid_))
                co_return std::move(*told);
        if (!problem_)
            co_await execute(false);
    }
    if (needs_none_ && request_.key.role == "dbadmin" && !request_.idempotency_key)
        co_return co_await run_alone();
    if (!problem_)
        co_await resolve_types();
    if (client_gone_)
        throw Problem(408, "statement_timeout", "the client has gone");
    if (!problem_ && call_id_ && answer_.size() > max_kept)
        problem_ = Problem(413, "response_too_large",
                           "the answer of a call with an Idempotency-Key is larger than 1 MiB");
    if (problem_)
        co_return co_await finish_refused(*problem_);
    co_return co_await commit();
}

// Reserves the Idempotency-Key; returns the answer when the call is not to run.
asio::awaitable<std::optional<Response>>
Call::reserve(std::optional<std::string> xid)
{
    const Verdict verdict = co_await parts_.registry.begin(
        request_.head, *request_.idempotency_key, request_.request_hash, xid, session_->pid());
    if (verdict.word == "run") {
        call_id_ = verdict.call_id;
        co_return std::nullopt;
    }
    if (verdict.word == "replay") {
        end_.replayed = true;
        co_return kept_response(verdict);
    }
    if (verdict.word == "conflict")
        throw Problem(
            409, "idempotency_conflict",
            "another request had this Idempotency-Key, or what became of it is not known");
    if (verdict.word == "key_inactive")
        KeyState{"revoked", ""}.check();
    if (verdict.word == "workspace_inactive")
        KeyState{"active", "inactive"}.check();
    throw unavailable("idempotency_in_progress", "the same request is being answered");
}

// A refused statement: its transaction is over before its answer is kept.
asio::awaitable<Response>
Call::finish_refused(const Problem &problem)
{
    if (call_id_ && session_->wire.state() != PQTRANS_IDLE) {
        session_->wire.ask("ROLLBACK");
        session_->sync();
        co_await session_->wire.send();
        co_await session_->wire.take();
        co_await session_->take_sync();
    }
    Response told = response();
    const bool kept = call_id_ && is_kept(told.status, problem.title);
    const Registry::Ending ending{call_id_, std::nullopt, told.status, kept ? &told.body : nullptr,
                                  detail()};
    if (!co_await parts_.registry.finish(request_.head, ending))
        co_await refuse_end();
    co_return told;
}

// The registry first, then the workspace: what is committed there has its audit row.
asio::awaitable<Response>
Call::commit()
{
    Response told = response();
    const Registry::Ending ending{call_id_, xid_, told.status, call_id_ ? &told.body : nullptr,
                                  detail()};
    if (!co_await parts_.registry.finish(request_.head, ending))
        co_await refuse_end();
    commit_sent_ = true;
    session_->client_gone = nullptr;
    Wire &wire = session_->wire;
    wire.ask("COMMIT");
    session_->sync();
    wire.ask("DISCARD ALL");
    session_->sync();
    co_await wire.send();
    const StatementResult committed = co_await wire.take();
    co_await session_->take_sync();
    if (committed.error) {
        refuse(*committed.error);
        parts_.reports.add(request_.head, problem_->status,
                           R"({"corrects":true,"outcome":"rolled back","sqlstate":")" +
                               end_.sqlstate + "\"}");
        told = response();
    }
    co_return told;
}

// Statements such as VACUUM run once more, by themselves, when their audit row is there.
asio::awaitable<Response>
Call::run_alone()
{
    Wire &wire = session_->wire;
    wire.ask("ROLLBACK");
    session_->sync();
    co_await wire.send();
    co_await wire.take();
    co_await session_->take_sync();
    problem_.reset();
    end_.command.clear();
    end_.sqlstate = "00000";
    const Registry::Ending ending{std::nullopt, std::nullopt, 200, nullptr, detail()};
    if (!co_await parts_.registry.finish(request_.head, ending))
        co_await refuse_end();
    Parameters values;
    if (!take_texts(nullptr, values))
        co_return response();
    wire.ask(request_.sql.c_str(), values);
    session_->sync();
    co_await wire.send();
    co_await take_statement();
    co_await session_->take_sync();
    if (problem_) {
        if (problem_->title == "statement_timeout")
            problem_->hint = "An index that was being made stays behind invalid: drop it.";
        parts_.reports.add(request_.head, problem_->status,
                           R"({"corrects":true,"sqlstate":")" + end_.sqlstate + "\"}");
    }
    co_return response();
}

// The registry has not taken the end of a call: says why.
asio::awaitable<void>
Call::refuse_end()
{
    co_await check_key();
    throw call_id_
        ? unavailable("idempotency_in_progress", "another attempt of this request has taken over")
        : unavailable("database_unavailable", "the transaction has ended");
}

// Throws a Problem when the key, or its workspace, is active no more.
asio::awaitable<void>
Call::check_key()
{
    const Registry::Asked asked = parts_.registry.ask_state(request_.head.key_id);
    const auto state = co_await asked->get();
    if (state && !state->key.empty())
        state->check(); // cppcheck-suppress missingReturn ; of a coroutine
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
    if (problem.title == "statement_timeout")
        end_.sqlstate = "57014";
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
    if (problem_)
        return response_of(*problem_);
    Response response;
    response.body = body();
    return response;
}

std::string
Call::body()
{
    const std::int64_t taken = (parts_.clock.now() - started_).count();
    answer_size_ = answer_.size();
    if (request_.procedure)
        return answer_.take_body(*request_.procedure, is_set_, taken);
    return answer_.take_body(tag_, taken);
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
    if (!tag_.command.empty() && !problem_) {
        add("command", tag_.command);
        detail += R"(,"rows":)" + std::to_string(tag_.rows);
    }
    if (request_.procedure)
        add("procedure", *request_.procedure);
    if (problem_) {
        add("sqlstate", problem_->sqlstate);
        add("title", problem_->title);
    }
    if (settings_.audit_sql && !request_.procedure)
        add("sql", cut_text(request_.sql, max_audited_sql));
    return detail + "}";
}

} // namespace sidecar::gateway
