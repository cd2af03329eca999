// What /readyz and /metrics tell of the database: read at most once a second, by threads that serve
// no requests, however often somebody asks. So whoever may ask without a token takes nothing from
// those who have one.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>

#include "base/clock.hpp"
#include "platform/message.hpp"

namespace sidecar
{

class Snapshot
{
public:
    explicit Snapshot(const Clock &clock) : clock_(clock)
    {
    }
    virtual ~Snapshot() = default;
    Snapshot(const Snapshot &) = delete;
    Snapshot &operator=(const Snapshot &) = delete;

    // Whether what was read last is less than a second old.
    bool
    fresh() const
    {
        return clock_.now().time_since_epoch().count() < stale_at_;
    }

    // Reads anew unless that has just been done.
    void
    refresh(Database &database)
    {
        const std::lock_guard one_at_a_time(mutex_);
        if (fresh())
            return;
        const TimePoint begun = clock_.now();
        read(database);
        stale_at_ = (begun + std::chrono::seconds(1)).time_since_epoch().count();
    }

    // The answer by what was read last.
    virtual Response response() = 0;

    // The answer when the database takes longer than a client should wait.
    virtual Response late() = 0;

private:
    // Throws nothing: that the database cannot be read is told as well.
    virtual void read(Database &database) = 0;

    const Clock &clock_;
    std::mutex mutex_;
    std::atomic<Duration::rep> stale_at_{0}; // steady time
};

// A snapshot that has to be taken first.
struct Look {
    Task task;
    Duration patience{};            // how long a client waits for it
    std::function<Response()> late; // the answer after that
};

} // namespace sidecar
