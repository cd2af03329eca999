// See service.hpp.
#include "daemon/service.hpp"

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

constexpr Duration last_words = std::chrono::seconds(5); // for reports after the sends ended
constexpr Duration frontend_pause = std::chrono::milliseconds(50);
constexpr int max_connects = 3; // of publish before it gives up

std::shared_ptr<const Conninfo>
conninfo_of(const Options &options)
{
    return std::make_shared<Conninfo>(options.database.reveal(),
                                      options.database_password.reveal());
}

PgQueueSettings
queue_settings(const Options &options)
{
    return {conninfo_of(options), options.worker, options.statement_timeout,
            options.reconnect_longest};
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

} // namespace

Service::Service(Options options, const Signals &signals, Log &log, Reread reread)
    : options_(std::move(options)), signals_(signals), log_(log), reread_(std::move(reread)),
      sink_(make_sink()), queue_(queue_settings(options_), clock_, log),
      dispatcher_(dispatch_settings(options_), queue_, *sink_, clock_, log,
                  Backoff(options_.retry_first, options_.retry_longest, std::random_device{}())),
      started_(clock_.now())
{
    status_.delivers = true;
    if (options_.command == Command::mcp || !options_.server.listen.empty())
        frontend_ = std::make_unique<Frontend>(options_, conninfo_of(options_), status_, log_);
    if (options_.command == Command::serve)
        seal_exporter_ = std::make_unique<SealExporter>(seal_exporter_settings(options_), log_);
    // They live in the connection settings and in the producer now.
    options_.database.clear();
    options_.database_password.clear();
    options_.token.clear();
    options_.server.tokens.keys.clear();
}

std::unique_ptr<Sink>
Service::make_sink()
{
    if (!options_.sink_directory.empty())
        return std::make_unique<FileSink>(options_.sink_directory);
    auto producer = std::make_unique<HttpSink>(
        HttpSinkSettings{
            ProducerUrl(options_.producer_url, options_.producer_path, options_.allow_plaintext),
            options_.token.clone(), options_.producer_ca, options_.connect_timeout,
            options_.call_timeout, options_.concurrency},
        clock_);
    http_sink_ = producer.get();
    return producer;
}

int
Service::run()
{
    log_.info("started", {{"version", APPINFRA_VERSION}, {"worker", options_.worker}});
    while (!over(clock_.now()))
        turn();
    const Tally &tally = dispatcher_.tally();
    log_.info("stopped", {{"delivered", std::int64_t{tally.delivered}},
                          {"stale", std::int64_t{tally.stale}},
                          {"failed", std::int64_t{tally.failed}},
                          {"given_back", std::int64_t{tally.given_back}},
                          {"lost", std::int64_t{tally.lost}},
                          {"unreported", std::int64_t{tally.unreported}}});
    return exit_code();
}

void
Service::turn()
{
    queue_.pump();
    if (queue_.take_connected()) {
        dispatcher_.reconnected();
        if (!ready_ && !stopping_)
            supervisor_.ready();
        ready_ = true;
    }
    if (queue_.take_notified())
        dispatcher_.wake();
    take_signals();
    const TimePoint next = dispatcher_.step();
    const TimePoint now = clock_.now();
    status_.producer_refuses = dispatcher_.unauthorized();
    status_.queue_connected = queue_.connected();
    if (frontend_ && frontend_->input_closed() && frontend_->idle() && !stopping_)
        stop(exit_code::done);
    if (options_.command == Command::publish && !stopping_)
        check_publish(now);
    keep_alive(now);
    wait(std::min(next, queue_.flush()));
}

void
Service::take_signals()
{
    while (const int signal = signals_.take()) {
        if (signal == SIGHUP)
            reload();
        else if (stopping_)
            stop_deadline_ = clock_.now(); // asked twice
        else
            stop(options_.command == Command::publish ? exit_code::unfinished : exit_code::done);
    }
}

void
Service::reload()
{
    supervisor_.reloading();
    try {
        Options fresh = reread_();
        if (http_sink_ != nullptr)
            http_sink_->renew(std::move(fresh.token), fresh.producer_ca);
        if (frontend_)
            frontend_->renew(std::move(fresh.server));
        log_.info("token and CA read again");
    } catch (const Failure &failure) {
        log_.error("not reloaded, the old values stay", {{"error", std::string(failure.what())}});
    }
    dispatcher_.retry_held();
    if (ready_)
        supervisor_.ready();
}

void
Service::stop(int code)
{
    stopping_ = code;
    stop_deadline_ = clock_.now() + options_.drain_timeout;
    log_.info("stopping", {{"sending", static_cast<std::int64_t>(dispatcher_.sending())},
                           {"held", static_cast<std::int64_t>(dispatcher_.held())}});
    supervisor_.stopping();
    dispatcher_.drain();
    status_.draining = true;
    if (frontend_)
        frontend_->drain();
}

// Whether the loop is to end; ends the sends when their time is over.
bool
Service::over(TimePoint now)
{
    if (!stopping_)
        return false;
    if (all_done())
        return true;
    if (now < stop_deadline_)
        return false;
    if (abandoned_) {
        log_.error("stopped before everything was reported; leases will run out",
                   {{"held", static_cast<std::int64_t>(dispatcher_.held())}});
        return true;
    }
    abandoned_ = true;
    dispatcher_.abandon();
    stop_deadline_ = now + last_words;
    return false;
}

// Whether nothing is held and nobody waits for an answer.
bool
Service::all_done() const
{
    return dispatcher_.idle() && (!frontend_ || frontend_->idle());
}

// Decides whether publish has come to its end.
void
Service::check_publish(TimePoint now)
{
    const auto &connect = queue_.last_failure();
    const auto &claim = dispatcher_.claim_failure();
    const auto hopeless = [](const std::optional<Failure> &failure) {
        return failure && failure->kind() != Failure::Kind::retry;
    };
    if (queue_.connected() && dispatcher_.exhausted())
        stop(exit_code::done);
    else if (dispatcher_.unauthorized() && dispatcher_.sending() == 0)
        stop(exit_code::unauthorized);
    else if (hopeless(connect) || hopeless(claim) || queue_.failures() >= max_connects)
        stop(exit_code::database);
    else if (now >= started_ + options_.publish_timeout)
        stop(ready_ ? exit_code::unfinished : exit_code::database);
}

void
Service::keep_alive(TimePoint now)
{
    if (!supervisor_.interval() || now < alive_at_)
        return;
    supervisor_.alive();
    alive_at_ = now + *supervisor_.interval();
}

void
Service::wait(TimePoint next)
{
    const TimePoint now = clock_.now();
    if (supervisor_.interval())
        next = std::min(next, alive_at_);
    // The frontend does not wake this loop.
    if (frontend_ && (stopping_ || options_.command == Command::mcp))
        next = std::min(next, now + frontend_pause);
    if (stopping_)
        next = std::min(next, stop_deadline_);
    else if (options_.command == Command::publish)
        next = std::min(next, started_ + options_.publish_timeout);
    if (over(now))
        return;
    const auto database = queue_.descriptors();
    std::array fds = {database[0], database[1], pollfd{signals_.fd(), POLLIN, 0}};
    const Duration limit =
        next > now ? std::min<Duration>(next - now, std::chrono::minutes(1)) : Duration(0);
    sink_->wait(fds, limit);
}

int
Service::exit_code() const
{
    const Tally &tally = dispatcher_.tally();
    const int code = stopping_.value_or(exit_code::done);
    if (options_.command != Command::publish || code != exit_code::done)
        return code;
    return tally.failed > 0 || tally.unreported > 0 ? exit_code::failed : exit_code::done;
}

} // namespace sidecar
