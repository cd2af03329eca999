// See publisher.hpp.
#include "daemon/publisher.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "base/exit_code.hpp"
#include "base/failure.hpp"
#include "delivery/file_sink.hpp"

namespace sidecar
{
namespace
{

constexpr int max_connects = 3; // of publish before it gives up

PgQueueSettings
queue_settings(const Options &options)
{
    return {
        std::make_shared<Conninfo>(options.database.reveal(), options.database_password.reveal()),
        options.worker, options.statement_timeout, options.reconnect_longest};
}

DispatchSettings
dispatch_settings(const Options &options)
{
    DispatchSettings settings;
    settings.concurrency = options.concurrency;
    settings.batch = options.batch;
    settings.max_held = options.max_held;
    settings.lease = {options.lease, options.call_timeout};
    settings.poll = options.poll;
    settings.probe = options.probe;
    return settings;
}

SealExporterSettings
seal_exporter_settings(const Options &options)
{
    return {std::make_shared<Conninfo>(options.database.reveal(),
                                       options.database_password.reveal(), "any"),
            options.audit_url,
            options.audit_ca,
            options.allow_plaintext,
            options.poll,
            options.call_timeout};
}

bool
is_hopeless(const std::optional<Failure> &failure)
{
    return failure && failure->kind() != Failure::Kind::retry;
}

} // namespace

Publisher::Publisher(const Options &options, const Clock &clock, Log &log)
    : once_(options.command == Command::publish), clock_(clock), sink_(make_sink(options)),
      queue_(queue_settings(options), clock, log),
      dispatcher_(dispatch_settings(options), queue_, *sink_, clock, log,
                  Backoff(options.retry_first, options.retry_longest, std::random_device{}())),
      time_over_(clock.now() + options.publish_timeout)
{
    if (options.command == Command::serve)
        seal_exporter_ = std::make_unique<SealExporter>(seal_exporter_settings(options), log);
}

std::unique_ptr<Sink>
Publisher::make_sink(const Options &options)
{
    if (!options.sink_directory.empty())
        return std::make_unique<FileSink>(options.sink_directory, options.env_paths);
    auto sink = std::make_unique<HttpSink>(
        HttpSinkSettings{
            ProducerUrl(options.producer_url, options.producer_path, options.allow_plaintext),
            options.token.clone(), options.producer_ca, options.connect_timeout,
            options.call_timeout, options.concurrency},
        clock_);
    http_sink_ = sink.get();
    return sink;
}

void
Publisher::receive()
{
    queue_.pump();
    if (queue_.take_connected()) {
        dispatcher_.reconnected();
        ready_ = true;
    }
    if (queue_.take_notified())
        dispatcher_.wake();
}

TimePoint
Publisher::step()
{
    const TimePoint next = dispatcher_.step();
    return once_ && !draining_ ? std::min(next, time_over_) : next;
}

TimePoint
Publisher::flush()
{
    return queue_.flush();
}

void
Publisher::wait(int signals, Duration limit)
{
    const auto database = queue_.descriptors();
    std::array fds = {database[0], database[1], pollfd{signals, POLLIN, 0}};
    sink_->wait(fds, limit);
}

void
Publisher::renew(Options &fresh)
{
    if (http_sink_ != nullptr)
        http_sink_->renew(std::move(fresh.token), fresh.producer_ca);
}

void
Publisher::drain()
{
    draining_ = true;
    dispatcher_.drain();
}

std::optional<int>
Publisher::outcome(TimePoint now) const
{
    if (queue_.connected() && dispatcher_.exhausted())
        return sidecar::exit_code::done;
    if (dispatcher_.unauthorized() && dispatcher_.sending() == 0)
        return sidecar::exit_code::unauthorized;
    if (is_hopeless(queue_.last_failure()) || is_hopeless(dispatcher_.claim_failure()) ||
        queue_.failures() >= max_connects)
        return sidecar::exit_code::database;
    if (now >= time_over_)
        return ready_ ? sidecar::exit_code::unfinished : sidecar::exit_code::database;
    return std::nullopt;
}

int
Publisher::exit_code(int code) const
{
    const Tally &tally = dispatcher_.tally();
    if (!once_ || code != sidecar::exit_code::done)
        return code;
    return tally.failed > 0 || tally.unreported > 0 ? sidecar::exit_code::failed
                                                    : sidecar::exit_code::done;
}

Fields
Publisher::under_way() const
{
    return {{"sending", static_cast<std::int64_t>(dispatcher_.sending())},
            {"held", static_cast<std::int64_t>(dispatcher_.held())}};
}

Fields
Publisher::tally() const
{
    const Tally &tally = dispatcher_.tally();
    return {{"delivered", std::int64_t{tally.delivered}},
            {"stale", std::int64_t{tally.stale}},
            {"failed", std::int64_t{tally.failed}},
            {"given_back", std::int64_t{tally.given_back}},
            {"lost", std::int64_t{tally.lost}},
            {"unreported", std::int64_t{tally.unreported}}};
}

} // namespace sidecar
