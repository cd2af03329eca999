// See bucket_loop.hpp.
#include "store/bucket_loop.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "store/pg_work_queue.hpp"

namespace sidecar
{
namespace
{

constexpr Duration probe_pause = std::chrono::minutes(1);
constexpr Duration failure_pause = std::chrono::seconds(2);
constexpr Duration walk_pause = std::chrono::hours(24);

} // namespace

// What the threads share; it lives as long as one of them does.
class BucketLoop::State
{
public:
    State(BucketLoopSettings settings, const Log &log) : settings_(std::move(settings)), log_(log)
    {
    }

    // Works until it is told to end; the first thread walks over the whole store as well.
    void
    run(bool walks)
    {
        Log log = log_;
        std::unique_ptr<ObjectStore> store;
        bool failing = false;
        Times times{{}, clock_.now() + settings_.poll}; // first, what waited while nobody was here
        for (Duration rest(0); pause(rest);) {
            try {
                if (!store)
                    store = settings_.open();
                rest = session(*store, walks, times, failing, log);
            } catch (const std::exception &error) {
                if (!failing) // once, until it works again
                    log.warn("buckets are not worked at", {{"error", std::string(error.what())}});
                failing = true;
                rest = failure_pause;
            }
        }
    }

    void
    end()
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        changed_.notify_all();
    }

    void
    wake()
    {
        const std::lock_guard lock(mutex_);
        wakes_++;
        changed_.notify_all();
    }

private:
    // When a thread does next what nobody wakes it for.
    struct Times {
        TimePoint walk;
        TimePoint compare;
    };

    // Works on one connection until it breaks (an exception), or the store refuses us. Returns how
    // long to wait before the next.
    Duration
    session(ObjectStore &store, bool walks, Times &times, bool &failing, Log &log)
    {
        PgWorkQueue queue(
            BlockingConnection(
                *settings_.conninfo,
                {"SET statement_timeout = " + std::to_string(settings_.statement_timeout.count()),
                 "SET idle_session_timeout = 0"},
                settings_.statement_timeout + std::chrono::seconds(5)),
            settings_.worker, settings_.check);
        WorkerSettings work;
        work.call_timeout = settings_.call_timeout;
        work.lease = 3 * settings_.call_timeout;
        BucketWorker worker(work, queue, store, clock_, log);
        do {
            if (*settings_.refuses && !store.probe().ok())
                return probe_pause;
            // Comparisons wait for their time: whoever wakes us waits for something else, which a
            // comparison would only hold up.
            const bool compares = clock_.now() >= times.compare;
            const std::size_t done = worker.turn(compares ? Compare::yes : Compare::no);
            failing = false;
            *settings_.refuses = !worker.refusal().empty();
            if (*settings_.refuses) {
                log.error("the store refuses our key; working at no bucket until it takes it",
                          {{"error", worker.refusal()}});
                return probe_pause;
            }
            if (walks && clock_.now() >= times.walk) {
                walk(store, queue, log);
                times.walk = clock_.now() + walk_pause;
            }
            if (done > 0)
                continue;
            if (compares)
                times.compare = clock_.now() + settings_.poll;
            if (!pause(std::max(times.compare - clock_.now(), Duration(0))))
                return Duration(0);
        } while (pause(Duration(0)));
        return Duration(0);
    }

    // Tells the registry of all buckets of ours that the store has.
    static void
    walk(ObjectStore &store, PgWorkQueue &queue, Log &log)
    {
        const auto names = store.bucket_names();
        if (!names.ok()) {
            log.warn("the store's buckets cannot be listed", {{"error", names.result.text}});
            return;
        }
        if (const std::int64_t unknown = queue.report_buckets(names.value))
            log.warn("the store has buckets that the registry does not know", {{"count", unknown}});
    }

    // Waits until it is woken, or the time is over; false when it is to end.
    bool
    pause(Duration time)
    {
        std::unique_lock lock(mutex_);
        const std::uint64_t seen = wakes_;
        changed_.wait_for(lock, time, [&] { return ended_ || wakes_ != seen; });
        return !ended_;
    }

    BucketLoopSettings settings_;
    Log log_;
    SystemClock clock_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t wakes_ = 0;
    bool ended_ = false;
};

BucketLoop::BucketLoop(BucketLoopSettings settings, const Log &log)
{
    const std::size_t threads = settings.threads;
    state_ = std::make_shared<State>(std::move(settings), log);
    for (std::size_t i = 0; i < threads; i++)
        std::thread([state = state_, walks = i == 0] { state->run(walks); }).detach();
}

BucketLoop::~BucketLoop()
{
    state_->end();
}

void
BucketLoop::wake()
{
    state_->wake();
}

} // namespace sidecar
