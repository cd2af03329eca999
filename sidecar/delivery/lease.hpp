// How long a claim is ours: written by the loop that extends it, read by the threads that work
// under it.
#pragma once

#include <atomic>

#include "base/clock.hpp"

namespace sidecar
{

class Lease
{
public:
    explicit Lease(TimePoint until) : until_(until)
    {
    }

    // It may have been longer before, but is never made shorter.
    void
    extend(TimePoint until)
    {
        if (until > until_.load())
            until_ = until;
    }

    // Whether the claim is still ours then.
    bool
    lasts(TimePoint then) const
    {
        return then < until_.load();
    }

private:
    std::atomic<TimePoint> until_; // steady time
};

} // namespace sidecar
