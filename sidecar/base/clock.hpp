// The time, behind an interface so that tests can turn it. Durations and deadlines are steady time;
// wall time is only for what other parties say in wall time (an HTTP date).
#pragma once

#include <chrono>

namespace sidecar
{

using Duration = std::chrono::milliseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using WallTime = std::chrono::system_clock::time_point;

class Clock
{
public:
    virtual ~Clock() = default;
    virtual TimePoint now() const = 0;
    virtual WallTime wall() const = 0;
};

class SystemClock final : public Clock
{
public:
    TimePoint
    now() const override
    {
        return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
    }

    WallTime
    wall() const override
    {
        return std::chrono::system_clock::now();
    }
};

} // namespace sidecar
