// The loop of serve, publish, mcp and gateway: it waits for signals, time and whatever its parts
// wait for, and lets each part do what is due. There are three parts, of which each may be missing:
// the publisher delivers, the frontend answers callers, the gateway holders of API keys.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/service_status.hpp"
#include "base/signals.hpp"
#include "base/supervisor.hpp"
#include "daemon/frontend.hpp"
#include "daemon/gateway_frontend.hpp"
#include "daemon/options.hpp"
#include "daemon/publisher.hpp"

namespace sidecar
{

class Daemon
{
public:
    // Reads the options again, for SIGHUP; throws a Failure when they are wrong now.
    using Reread = std::function<Options()>;

    Daemon(Options options, const Signals &signals, Log &log, Reread reread);

    // Runs until it is asked to stop, publish has come to its end, or whoever spoke MCP has gone;
    // returns the exit code.
    int run();

private:
    void turn();
    void take_signals();
    void reload();
    void decide_to_stop();
    void stop(int code);
    bool advance_shutdown();
    void give_up_waiting();
    bool all_done() const;
    void tell_ready();
    void keep_alive();
    void wait(TimePoint next);

    Options options_;
    const Signals &signals_;
    Log &log_;
    Reread reread_;
    SystemClock clock_;
    Supervisor supervisor_;
    ServiceStatus status_;
    std::unique_ptr<Publisher> publisher_;     // null: it delivers nothing
    std::unique_ptr<GatewayFrontend> gateway_; // null: there is none
    std::unique_ptr<Frontend> frontend_;       // null: nobody can call
    bool told_ready_ = false;
    std::optional<int> stopping_; // the exit code that was decided
    TimePoint stop_deadline_ = TimePoint::max();
    bool abandoned_ = false; // the sends under way were ended
    bool finished_ = false;
    TimePoint alive_at_{};
};

} // namespace sidecar
