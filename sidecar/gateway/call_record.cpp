// See call_record.hpp.
#include "gateway/call_record.hpp"

#include <utility>

#include "platform/problem.hpp"

namespace sidecar::gateway
{
namespace
{

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

asio::awaitable<std::optional<Response>>
CallRecord::reserve(std::optional<std::string> xid, int pid)
{
    const Verdict verdict = co_await registry_.begin(request_.head, *request_.idempotency_key,
                                                     request_.request_hash, xid, pid);
    if (verdict.word == "run") {
        call_id_ = verdict.call_id;
        co_return std::nullopt;
    }
    if (verdict.word == "replay") {
        replayed_ = true;
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

asio::awaitable<void>
CallRecord::finish(const Response &told, std::string title, std::optional<std::string> xid,
                   std::string detail)
{
    const bool kept = call_id_ && told.body.size() <= max_kept && is_kept(told.status, title);
    const Registry::Ending ending{call_id_, std::move(xid), told.status,
                                  kept ? &told.body : nullptr, std::move(detail)};
    if (!co_await registry_.finish(request_.head, ending))
        co_await refuse_end(); // cppcheck-suppress missingReturn ; of a coroutine
}

void
CallRecord::correct(int status, const std::string &sqlstate, const std::string &more)
{
    reports_.add(request_.head, status,
                 R"({"corrects":true,"sqlstate":")" + sqlstate + "\"" + more + "}");
}

// The registry has not taken the end of a call: says why.
asio::awaitable<void>
CallRecord::refuse_end()
{
    co_await check_key();
    throw call_id_
        ? unavailable("idempotency_in_progress", "another attempt of this request has taken over")
        : unavailable("database_unavailable", "the transaction has ended");
}

asio::awaitable<void>
CallRecord::check_key()
{
    const Registry::Asked asked = registry_.ask_state(request_.head.key_id);
    const auto state = co_await asked->get();
    if (state && !state->key.empty())
        state->check(); // cppcheck-suppress missingReturn ; of a coroutine
}

} // namespace sidecar::gateway
