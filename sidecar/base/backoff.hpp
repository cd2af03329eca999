// How long to wait before the same request is made again: exponential with full jitter, and what
// the other side asked for with Retry-After.
#pragma once

#include <optional>
#include <random>
#include <string_view>

#include "base/clock.hpp"

namespace sidecar
{

// A Retry-After is honoured up to this; a producer must not be able to park a publication for days.
inline constexpr Duration max_retry_after = std::chrono::minutes(10);

class Backoff
{
public:
    Backoff(Duration first, Duration longest, std::uint64_t seed)
        : first_(first), longest_(longest), random_(seed)
    {
    }

    // A random time between 0 and min(longest, first * 2^failures); failures counts from 0.
    Duration delay(int failures);

    // The ceiling of delay().
    Duration ceiling(int failures) const;

private:
    Duration first_;
    Duration longest_;
    std::mt19937_64 random_;
};

// The time a Retry-After header asks for: seconds or an HTTP date, never negative, at most
// max_retry_after; nothing when it is neither.
std::optional<Duration> retry_after(std::string_view header, WallTime now);

} // namespace sidecar
