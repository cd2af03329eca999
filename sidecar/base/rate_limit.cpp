// See rate_limit.hpp.
#include "base/rate_limit.hpp"

#include <algorithm>
#include <cmath>

namespace sidecar
{
namespace
{

constexpr std::size_t max_users = 10'000;

} // namespace

int
RateLimit::take(const std::string &user, TimePoint now)
{
    if (per_second_ <= 0)
        return 0;
    if (buckets_.size() >= max_users)
        forget_full(now);
    Bucket &bucket = buckets_.try_emplace(user, Bucket{burst_, now}).first->second;
    bucket = {level(bucket, now), now};
    if (bucket.left < 1)
        return std::max(1, static_cast<int>(std::ceil((1 - bucket.left) / per_second_)));
    bucket.left -= 1;
    return 0;
}

std::size_t
RateLimit::left(const std::string &user, TimePoint now) const
{
    const auto found = buckets_.find(user);
    const bool unlimited = per_second_ <= 0 || found == buckets_.end();
    return static_cast<std::size_t>(unlimited ? burst_ : level(found->second, now));
}

// Forgets who has not asked for a while; everyone, should all have asked just now.
void
RateLimit::forget_full(TimePoint now)
{
    std::erase_if(buckets_, [&](const auto &entry) { return level(entry.second, now) >= burst_; });
    if (buckets_.size() >= max_users)
        buckets_.clear();
}

double
RateLimit::level(const Bucket &bucket, TimePoint now) const
{
    const double seconds = std::chrono::duration<double>(now - bucket.at).count();
    return std::min(burst_, bucket.left + seconds * per_second_);
}

} // namespace sidecar
