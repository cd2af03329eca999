// What the registry has of a call: its Idempotency-Key, reserved before it runs, and its end, which
// is its audit row.
#pragma once

#include <optional>
#include <string>

#include "gateway/call_request.hpp"
#include "gateway/registry.hpp"
#include "gateway/reports.hpp"
#include "platform/message.hpp"

namespace sidecar::gateway
{

class CallRecord
{
public:
    static constexpr std::size_t max_kept = 1024 * 1024; // bytes of an answer that is kept

    // The request is one that lives longer.
    CallRecord(Registry &registry, Reports &reports, const CallRequest &request)
        : registry_(registry), reports_(reports), request_(request)
    {
    }

    // Reserves the Idempotency-Key for a transaction and a backend; returns the answer when the
    // call is not to run. Throws a Problem.
    asio::awaitable<std::optional<Response>> reserve(std::optional<std::string> xid, int pid);
    bool
    is_reserved() const
    {
        return call_id_.has_value();
    }
    bool
    is_replayed() const
    {
        return replayed_;
    }

    // Tells the end: what is answered, the title of the problem that this is (empty: none), the
    // transaction that has still to commit. Throws a Problem when the registry does not take it.
    asio::awaitable<void> finish(const Response &told, std::string title,
                                 std::optional<std::string> xid, std::string detail);

    // Says that a call whose end is told has failed all the same; more: members of JSON.
    void correct(int status, const std::string &sqlstate, const std::string &more = "");

    // Throws a Problem when the key, or its workspace, is active no more.
    asio::awaitable<void> check_key();

private:
    asio::awaitable<void> refuse_end();

    Registry &registry_;
    Reports &reports_;
    const CallRequest &request_;
    std::optional<std::string> call_id_;
    bool replayed_ = false;
};

} // namespace sidecar::gateway
