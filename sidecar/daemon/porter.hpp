// The loop of a sidecar that keeps the doors and delivers nothing: REST and MCP where callers take
// the DSNs themselves, or another sidecar delivers.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/service_status.hpp"
#include "base/signals.hpp"
#include "base/supervisor.hpp"
#include "daemon/frontend.hpp"
#include "daemon/options.hpp"

namespace sidecar
{

class Porter
{
public:
    // Reads the options again, for SIGHUP; throws a Failure when they are wrong now.
    using Reread = std::function<Options()>;

    Porter(Options options, const Signals &signals, Log &log, Reread reread);

    // Runs until it is asked to stop, or nobody is there any more; returns the exit code.
    int run();

private:
    void take_signals();
    void reload();
    void stop();
    void wait();

    Options options_;
    const Signals &signals_;
    Log &log_;
    Reread reread_;
    SystemClock clock_;
    Supervisor supervisor_;
    ServiceStatus status_;
    Frontend frontend_;
    bool stopping_ = false;
    TimePoint stop_deadline_ = TimePoint::max();
    TimePoint alive_at_{};
};

} // namespace sidecar
