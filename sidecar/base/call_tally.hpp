// Calls of another server, counted by name and outcome, for metrics; from any thread.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "base/clock.hpp"

namespace sidecar
{

class CallTally
{
public:
    struct Sums {
        double calls = 0;
        double seconds = 0;
    };
    using All = std::map<std::pair<std::string, std::string>, Sums>; // by name and code

    void
    add(const std::string &name, const std::string &code, Duration took)
    {
        const std::lock_guard lock(mutex_);
        Sums &sums = all_[{name, code}];
        sums.calls += 1;
        sums.seconds += std::chrono::duration<double>(took).count();
    }

    // What was counted so far.
    All
    all() const
    {
        const std::lock_guard lock(mutex_);
        return all_;
    }

private:
    mutable std::mutex mutex_;
    All all_;
};

} // namespace sidecar
