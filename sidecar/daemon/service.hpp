// The loop that serves: waits for the database, the sink, signals and time, and lets each part do
// what is due. One run is either serve (until SIGTERM) or publish (until nothing is pending).
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "audit/seal_exporter.hpp"
#include "base/log.hpp"
#include "base/service_status.hpp"
#include "base/signals.hpp"
#include "base/supervisor.hpp"
#include "daemon/frontend.hpp"
#include "daemon/options.hpp"
#include "delivery/dispatcher.hpp"
#include "delivery/http_sink.hpp"
#include "delivery/pg_queue.hpp"

namespace sidecar
{

class Service
{
public:
    // Reads the options again, for SIGHUP; throws a Failure when they are wrong now.
    using Reread = std::function<Options()>;

    Service(Options options, const Signals &signals, Log &log, Reread reread);

    // Runs until it is done; returns the exit code.
    int run();

private:
    std::unique_ptr<Sink> make_sink();
    void turn();
    void take_signals();
    void reload();
    void stop(int code);
    bool over(TimePoint now);
    bool all_done() const;
    void check_publish(TimePoint now);
    void keep_alive(TimePoint now);
    void wait(TimePoint next);
    int exit_code() const;

    Options options_;
    const Signals &signals_;
    Log &log_;
    Reread reread_;
    SystemClock clock_;
    Supervisor supervisor_;
    HttpSink *http_sink_ = nullptr; // the sink, when it is one
    std::unique_ptr<Sink> sink_;
    PgQueue queue_;
    Dispatcher dispatcher_;
    std::unique_ptr<SealExporter> seal_exporter_; // of serve
    TimePoint started_;
    ServiceStatus status_;
    std::unique_ptr<Frontend> frontend_; // null: there are none
    bool ready_ = false;
    bool abandoned_ = false;
    std::optional<int> stopping_; // the exit code that was decided
    TimePoint stop_deadline_ = TimePoint::max();
    TimePoint alive_at_{};
};

} // namespace sidecar
