// See publisher.hpp.
#include "daemon/publisher.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "base/exit_code.hpp"
#include "base/failure.hpp"
#include "daemon/store_opener.hpp"
#include "delivery/file_sink.hpp"

namespace sidecar
{
namespace
{

constexpr const char *database_producer = "postgres";
constexpr const char *storage_producer = "storage";
constexpr int max_connects = 3; // of publish before it gives up

PgQueueSettings
queue_settings(const Options &options)
{
    return {
        std::make_shared<Conninfo>(options.database.reveal(), options.database_password.reveal()),
        options.worker, options.statement_timeout, options.reconnect_longest};
}

// The settings of a lane, whose claims are ours for shortest_lease at least.
DispatchSettings
dispatch_settings(const Options &options, const char *producer, Duration shortest_lease)
{
    DispatchSettings settings;
    settings.producer = producer;
    settings.concurrency = options.concurrency;
    settings.batch = options.batch;
    settings.max_held = options.max_held;
    settings.lease = {std::max(options.lease, shortest_lease), options.call_timeout};
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

// The tokens of the producers that there is one for.
Tokens
tokens_of(const Options &options)
{
    Tokens tokens;
    if (!options.token.empty())
        tokens.emplace(database_producer, options.token.clone());
    if (!options.storage.token.empty())
        tokens.emplace(storage_producer, options.storage.token.clone());
    return tokens;
}

BucketLoopSettings
bucket_loop_settings(const Options &options, ServiceStatus &status)
{
    BucketLoopSettings settings;
    settings.conninfo = std::make_shared<Conninfo>(
        options.database.reveal(), options.database_password.reveal(), "read-write");
    settings.open = store_opener(options, status.store_calls);
    settings.worker = options.worker;
    settings.check = options.storage.check;
    settings.poll = options.poll;
    settings.statement_timeout = options.statement_timeout;
    settings.call_timeout = options.storage.call_timeout;
    settings.refuses = &status.store_refuses_work;
    return settings;
}

bool
is_hopeless(const std::optional<Failure> &failure)
{
    return failure && failure->kind() != Failure::Kind::retry;
}

} // namespace

Publisher::Publisher(const Options &options, const Clock &clock, Log &log, ServiceStatus &status)
    : once_(options.command == Command::publish), clock_(clock),
      sink_(std::make_shared<CommonSink>(CommonSink{make_sink(options), {}})),
      queue_(queue_settings(options), clock, log), time_over_(clock.now() + options.publish_timeout)
{
    make_lanes(options, log, status.store_calls);
    if (options.command == Command::serve)
        seal_exporter_ = std::make_unique<SealExporter>(seal_exporter_settings(options), log);
    if (options.command == Command::serve && options.storage.has_store())
        bucket_loop_ = std::make_unique<BucketLoop>(bucket_loop_settings(options, status), log);
}

std::unique_ptr<Sink>
Publisher::make_sink(const Options &options)
{
    if (!options.sink_directory.empty())
        return std::make_unique<FileSink>(options.sink_directory, options.env_paths);
    auto sink = std::make_unique<HttpSink>(
        HttpSinkSettings{
            ProducerUrl(options.producer_url, options.producer_path, options.allow_plaintext),
            tokens_of(options), options.producer_ca, options.connect_timeout, options.call_timeout,
            options.concurrency},
        clock_);
    http_sink_ = sink.get();
    return sink;
}

// Makes the lanes of the producers whose variables are delivered here.
void
Publisher::make_lanes(const Options &options, Log &log, CallTally &calls)
{
    const auto lane = [&](const char *producer, std::unique_ptr<Sink> sink,
                          std::unique_ptr<StorageSink> storage) {
        Sink &first = storage ? static_cast<Sink &>(*storage) : *sink;
        const Duration lease = storage ? 2 * options.storage.call_timeout : Duration(0);
        return std::unique_ptr<Lane>(new Lane{
            std::move(sink), std::move(storage),
            Dispatcher(
                dispatch_settings(options, producer, lease), queue_, first, clock_, log,
                Backoff(options.retry_first, options.retry_longest, std::random_device{}()))});
    };
    if (options.delivers)
        databases_ = lane(database_producer, std::make_unique<SharedSink>(sink_), nullptr);
    if (!delivers_buckets(options))
        return;
    auto sink = std::make_unique<SharedSink>(sink_);
    auto storage = std::make_unique<StorageSink>(*sink, queue_, store_opener(options, calls),
                                                 options.concurrency, options.storage.call_timeout);
    buckets_ = lane(storage_producer, std::move(sink), std::move(storage));
}

std::vector<Publisher::Lane *>
Publisher::lanes() const
{
    std::vector<Lane *> there;
    for (Lane *lane : {databases_.get(), buckets_.get()})
        if (lane != nullptr)
            there.push_back(lane);
    return there;
}

void
Publisher::receive()
{
    queue_.pump();
    const bool connected = queue_.take_connected();
    const bool notified = queue_.take_notified();
    ready_ = ready_ || connected;
    if (bucket_loop_ && (connected || notified))
        bucket_loop_->wake();
    for (Lane *lane : lanes()) {
        if (connected)
            lane->dispatcher.reconnected();
        if (notified)
            lane->dispatcher.wake();
    }
}

TimePoint
Publisher::step()
{
    TimePoint next = TimePoint::max();
    for (Lane *lane : lanes())
        next = std::min(next, lane->dispatcher.step());
    return once_ && !draining_ ? std::min(next, time_over_) : next;
}

bool
Publisher::idle() const
{
    return std::ranges::all_of(lanes(), [](const Lane *lane) { return lane->dispatcher.idle(); });
}

void
Publisher::retry_held()
{
    for (Lane *lane : lanes())
        lane->dispatcher.retry_held();
}

void
Publisher::abandon()
{
    for (Lane *lane : lanes())
        lane->dispatcher.abandon();
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
    const int store = buckets_ ? buckets_->storage->fd() : -1;
    std::array fds = {database[0], database[1], pollfd{signals, POLLIN, 0},
                      pollfd{store, POLLIN, 0}};
    const std::span waited(fds.data(), buckets_ ? fds.size() : fds.size() - 1);
    // Each lane's own sink knows whether something of it waits to be collected.
    for (Lane *lane : lanes()) {
        Sink &first = lane->storage ? static_cast<Sink &>(*lane->storage) : *lane->sink;
        first.wait(waited, lane == lanes().back() ? limit : Duration(0));
    }
}

void
Publisher::renew(Options &fresh)
{
    if (http_sink_ != nullptr)
        http_sink_->renew(tokens_of(fresh), fresh.producer_ca);
}

void
Publisher::drain()
{
    draining_ = true;
    for (Lane *lane : lanes())
        lane->dispatcher.drain();
}

std::optional<int>
Publisher::outcome(TimePoint now) const
{
    bool exhausted = queue_.connected();
    bool unauthorized = false;
    bool hopeless = is_hopeless(queue_.last_failure()) || queue_.failures() >= max_connects;
    for (const Lane *lane : lanes()) {
        const Dispatcher &dispatcher = lane->dispatcher;
        const bool refused = dispatcher.unauthorized() && dispatcher.sending() == 0;
        unauthorized = unauthorized || refused;
        exhausted = exhausted && (refused || dispatcher.exhausted());
        hopeless = hopeless || is_hopeless(dispatcher.claim_failure());
    }
    if (exhausted)
        return unauthorized ? sidecar::exit_code::unauthorized : sidecar::exit_code::done;
    if (hopeless)
        return sidecar::exit_code::database;
    if (now >= time_over_)
        return ready_ ? sidecar::exit_code::unfinished : sidecar::exit_code::database;
    return std::nullopt;
}

int
Publisher::exit_code(int code) const
{
    if (!once_ || code != sidecar::exit_code::done)
        return code;
    const Tally tally = total();
    return tally.failed > 0 || tally.unreported > 0 ? sidecar::exit_code::failed
                                                    : sidecar::exit_code::done;
}

Fields
Publisher::under_way() const
{
    std::size_t sending = 0;
    std::size_t held = 0;
    for (const Lane *lane : lanes()) {
        sending += lane->dispatcher.sending();
        held += lane->dispatcher.held();
    }
    return {{"sending", static_cast<std::int64_t>(sending)},
            {"held", static_cast<std::int64_t>(held)}};
}

// What has come of the publications of all producers.
Tally
Publisher::total() const
{
    Tally all;
    for (const Lane *lane : lanes())
        all += lane->dispatcher.tally();
    return all;
}

Fields
Publisher::tally() const
{
    const Tally tally = total();
    return {{"delivered", std::int64_t{tally.delivered}},
            {"stale", std::int64_t{tally.stale}},
            {"failed", std::int64_t{tally.failed}},
            {"given_back", std::int64_t{tally.given_back}},
            {"lost", std::int64_t{tally.lost}},
            {"unreported", std::int64_t{tally.unreported}}};
}

} // namespace sidecar
