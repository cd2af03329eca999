// Answers requests: decides who asks and whether they may, by the head alone, before a body is
// accepted; then reads the fields and hands the use case to the database's threads.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "base/clock.hpp"
#include "base/rate_limit.hpp"
#include "base/service_status.hpp"
#include "mcp/mcp.hpp"
#include "platform/message.hpp"
#include "platform/problem.hpp"
#include "rest/allowed_names.hpp"
#include "rest/guests.hpp"
#include "rest/jwt.hpp"
#include "rest/metrics.hpp"
#include "rest/readiness.hpp"
#include "rest/routes.hpp"
#include "rest/snapshot.hpp"

namespace sidecar
{

struct ApiSettings {
    TokenSettings tokens;
    bool trust_loopback = false; // X-User-Email from a local peer
    AllowedNames names;
    bool open_apps = false; // an app is the first one's who asks for it, else as it is registered
    double rate = 60;       // requests a second of a user; 0: any
    double burst = 120;
    Guests guests;
    StoreDoor store;
    Duration publish_wait = std::chrono::seconds(10); // for what a bucket's request waits for
};

class Api
{
public:
    Api(ApiSettings settings, const Clock &clock, Metrics &metrics, Mcp &mcp,
        const ServiceStatus &status);

    // What a request is and who makes it.
    struct Admission {
        Match match;
        Target target;
        Caller caller;
    };

    // Decides by the head. Throws a Problem when it is refused.
    Admission admit(const Request &request);

    // The answer, or a task of the database's threads, or what others have to look at first.
    using Reply = std::variant<Response, Task, Look>;

    // Answers the whole request. Throws a Problem.
    Reply answer(const Admission &admission, const Request &request);

    // Replaces the keys.
    void
    renew(TokenSettings tokens)
    {
        settings_.tokens = std::move(tokens);
    }

private:
    Caller authenticate(const Request &request, const Route &route) const;
    void limit(const Caller &caller, const Request &request);
    Task task_of(const Route &route, std::shared_ptr<const Call> call) const;
    Input input_of(const Route &route, const Target &target, const Request &request) const;
    Reply answer_open(const Route &route);
    static Reply look(Snapshot &snapshot, bool slow);

    ApiSettings settings_;
    const Clock &clock_;
    Metrics &metrics_;
    Mcp &mcp_;
    Readiness readiness_;
    RateLimit limit_;
    std::string openapi_;
};

} // namespace sidecar
