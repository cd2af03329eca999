// How many requests a user may make: a token bucket for each, refilled all the time.
#pragma once

#include <string>
#include <unordered_map>

#include "base/clock.hpp"

namespace sidecar
{

class RateLimit
{
public:
    // per_second 0: no limit.
    RateLimit(double per_second, double burst) : per_second_(per_second), burst_(burst)
    {
    }

    // Takes one from the user's bucket; returns 0, or after how many seconds there is one.
    int take(const std::string &user, TimePoint now);

    // How many requests the user may make at once now; burst when there is no limit.
    std::size_t left(const std::string &user, TimePoint now) const;

    // How many users are being counted.
    std::size_t
    users() const
    {
        return buckets_.size();
    }

private:
    struct Bucket {
        double left;
        TimePoint at;
    };

    void forget_full(TimePoint now);
    double level(const Bucket &bucket, TimePoint now) const;

    double per_second_;
    double burst_;
    std::unordered_map<std::string, Bucket> buckets_;
};

} // namespace sidecar
