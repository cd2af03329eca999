// What a key can have done, whichever way it asks: statements, procedures, keys. It holds the parts
// of the gateway: the registry, sessions in workspaces, audit rows on their way.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/api_key.hpp"
#include "gateway/call.hpp"
#include "gateway/canceller.hpp"
#include "gateway/control.hpp"
#include "gateway/gateway_metrics.hpp"
#include "gateway/key_watch.hpp"
#include "gateway/registry.hpp"
#include "gateway/reports.hpp"
#include "gateway/sessions.hpp"

namespace sidecar::gateway
{

struct ServiceSettings {
    std::string name; // the gateway's
    StatementLimits statements;
    CallSettings calls;
    SessionSettings sessions;
    std::string rotate_overlap = "24h"; // as PostgreSQL reads an interval
    bool counts_keys = true;            // in its metrics; false: the door beside it does
};

// Who asks, and for what request.
struct Caller {
    Key key;
    std::string request_id;
    std::string address;
};

class Service
{
public:
    Service(asio::io_context &io, std::shared_ptr<const Conninfo> control, ServiceSettings settings,
            const Clock &clock, Log &log);

    // The key with that secret, which may have been looked up a while ago. Throws a Problem
    // (invalid_api_key). fresh: it is looked up now, and is active.
    asio::awaitable<Key> authenticate(const ApiKey &key, const std::string &address, bool fresh);

    // Whether that key with that secret has been seen; then it is a rate of the key that counts.
    bool has_seen(const ApiKey &key) const;

    // How a request may be repeated.
    struct Once {
        std::optional<std::string> key;
        std::string request_hash;
    };

    // Run a statement or a procedure; body is the request's.
    asio::awaitable<Response> execute_sql(const Caller &caller, const std::string &body,
                                          const Once &once, const bool &client_gone);
    asio::awaitable<Response> call_procedure(const Caller &caller, const std::string &body,
                                             const Once &once, const bool &client_gone);

    // About keys (service_keys.cpp).
    asio::awaitable<Response> mint_key(const Caller &caller, const std::string &body,
                                       const Once &once);
    asio::awaitable<Response> rotate_key(const Caller &caller, const std::string &body);
    asio::awaitable<Response> list_keys(const Caller &caller);
    asio::awaitable<Response> revoke_key(const Caller &caller, const std::string &key_id);
    Response describe(const Caller &caller) const;

    // Why the gateway cannot do its work; empty: it can.
    asio::awaitable<std::vector<std::string>> reasons();

    GatewayMetrics &
    metrics()
    {
        return metrics_;
    }
    asio::awaitable<std::string> metrics_text();
    Reports &
    reports()
    {
        return reports_;
    }

    // Takes back the logins, and ends.
    void close();
    bool
    idle() const
    {
        return tasks_ == 0;
    }

private:
    struct Seen {
        std::string secret_hash;
        Key key;
        TimePoint at;
    };

    asio::awaitable<Response> run(CallRequest request, const bool &client_gone);
    asio::awaitable<Rows> ask_about_keys(const Caller &caller, const char *sql, Parameters values);
    void tell_refusal(const Problem &problem, const std::string &key_id,
                      const std::string &address);
    asio::awaitable<void> count_keys();
    asio::awaitable<void> sweep();
    asio::awaitable<void> send_reports();
    asio::awaitable<void> watch_keys();
    asio::awaitable<void> pause(Duration time);
    void start(asio::awaitable<void> task);

    asio::io_context &io_;
    ServiceSettings settings_;
    const Clock &clock_;
    Log &log_;
    GatewayMetrics metrics_;
    TimePoint keys_counted_{};
    Reports reports_;
    Canceller canceller_;
    Control lazy_;
    Control sure_;
    Registry registry_;
    Sessions sessions_;
    KeyWatch key_watch_;
    std::map<std::string, Seen> seen_; // by the key's id
    std::size_t calls_ = 0;
    bool greeted_ = false;
    bool closed_ = false;
    std::atomic<int> tasks_{0};
};

} // namespace sidecar::gateway
