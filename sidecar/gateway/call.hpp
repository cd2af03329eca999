// One call: a statement of a key, run in its workspace in a transaction of its own, with its audit
// row and, with an Idempotency-Key, once only. What is said to whom, and in which order, is what
// makes that hold; the workspace's part of it is the Execution.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "gateway/call_record.hpp"
#include "gateway/call_request.hpp"
#include "gateway/execution.hpp"
#include "gateway/registry.hpp"
#include "gateway/reports.hpp"
#include "gateway/sessions.hpp"
#include "platform/message.hpp"
#include "platform/problem.hpp"

namespace sidecar::gateway
{

struct CallSettings {
    std::size_t max_answer = 8UL * 1024 * 1024;
    Duration statement_timeout = std::chrono::seconds(5);
    bool audit_sql = false;
};

// What a call came to, for metrics.
struct CallEnd {
    std::string command;
    std::string sqlstate = "00000";
    bool replayed = false;
    bool procedure_exists = false;
    std::optional<Duration> waited; // for a session; nothing: it got none
};

class Call
{
public:
    struct Parts {
        Registry &registry;
        Sessions &sessions;
        Reports &reports;
        const Clock &clock;
    };

    Call(Parts parts, const CallSettings &settings, CallRequest request, const bool &client_gone);
    ~Call();
    Call(const Call &) = delete;
    Call &operator=(const Call &) = delete;

    // Runs it. Throws a Problem.
    asio::awaitable<Response> run();

    CallEnd end() const;

private:
    asio::awaitable<void> take_session();
    asio::awaitable<Response> read();
    asio::awaitable<Response> write();
    asio::awaitable<Response> finish_read(const Registry::Asked &asked);
    asio::awaitable<Response> finish_refused();
    asio::awaitable<Response> commit();
    asio::awaitable<Response> run_alone();
    [[noreturn]] void lost(const WireLost &lost);
    bool is_late(const WireLost &lost) const;
    Problem no_time() const;
    Response response();
    std::string title() const;
    std::string detail() const;

    Parts parts_;
    const CallSettings &settings_;
    CallRequest request_;
    const bool &client_gone_;
    TimePoint started_;
    CallRecord record_;
    std::unique_ptr<Session> session_;
    std::optional<Execution> execution_; // on the session
    bool commit_sent_ = false;
    bool timed_out_ = false;
    std::optional<Duration> waited_;
};

} // namespace sidecar::gateway
