// The part of the daemon that delivers publications: the sink, the queue in PostgreSQL, the
// dispatcher between them, and (of serve) the export of seals. Its loop is the daemon's.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <poll.h>

#include "audit/seal_exporter.hpp"
#include "base/log.hpp"
#include "base/service_status.hpp"
#include "daemon/options.hpp"
#include "delivery/dispatcher.hpp"
#include "delivery/http_sink.hpp"
#include "delivery/pg_queue.hpp"
#include "delivery/shared_sink.hpp"
#include "delivery/storage_sink.hpp"
#include "store/bucket_loop.hpp"

namespace sidecar
{

class Publisher
{
public:
    // Throws a configuration Failure when the sink or the seals' URL is not usable.
    // Tells status of the store: its calls, and whether it refuses us.
    Publisher(const Options &options, const Clock &clock, Log &log, ServiceStatus &status);

    // Takes in what the database has sent.
    void receive();

    // Does what is due; says when the next thing will be, events aside.
    TimePoint step();

    // Sends what has been lined up for the database; says when receive() is due at the latest.
    TimePoint flush();

    // Sleeps until there is something to do, a signal has come, or the time is over.
    void wait(int signals, Duration limit);

    // Whether the database has been reached since the start.
    bool
    ready() const
    {
        return ready_;
    }
    bool
    connected() const
    {
        return queue_.connected();
    }

    // Who refuses what we come with for the variables of databases, and for those of buckets.
    Refuser
    database_refuser() const
    {
        return databases_ ? databases_->dispatcher.refuser() : Refuser::nobody;
    }
    Refuser
    storage_refuser() const
    {
        return buckets_ ? buckets_->dispatcher.refuser() : Refuser::nobody;
    }

    // Whether nothing is held and nothing is to be reported.
    bool idle() const;

    // Takes the token and the authorities of fresh options. Throws a configuration Failure, and
    // changes nothing, when they are wrong.
    void renew(Options &fresh);

    // Tries held publications at once.
    void retry_held();

    // Claims no more; sends under way may finish.
    void drain();

    // Ends the sends under way too.
    void abandon();

    // The exit code of publish, once it has come to its end.
    std::optional<int> outcome(TimePoint now) const;

    // The exit code of a run that ended with this one: failed publications count as well.
    int exit_code(int code) const;

    // What is under way, and what has come of everything, for the log.
    Fields under_way() const;
    Fields tally() const;

private:
    // What delivers the variables of one producer.
    struct Lane {
        std::unique_ptr<Sink> sink;
        std::unique_ptr<StorageSink> storage; // of buckets, before the sink
        Dispatcher dispatcher;
    };

    std::unique_ptr<Sink> make_sink(const Options &options);
    void make_lanes(const Options &options, Log &log, CallTally &calls);
    std::vector<Lane *> lanes() const;
    Tally total() const;

    bool once_; // publish: until nothing is pending
    const Clock &clock_;
    HttpSink *http_sink_ = nullptr; // the sink, when it is one
    std::shared_ptr<CommonSink> sink_;
    PgQueue queue_;
    std::unique_ptr<Lane> databases_;             // null: their variables are not delivered here
    std::unique_ptr<Lane> buckets_;               // null likewise
    std::unique_ptr<SealExporter> seal_exporter_; // of serve
    std::unique_ptr<BucketLoop> bucket_loop_;     // of serve, where there is a store
    TimePoint time_over_;                         // of publish
    bool ready_ = false;
    bool draining_ = false;
};

} // namespace sidecar
