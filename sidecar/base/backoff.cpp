// See backoff.hpp.
#include "base/backoff.hpp"

#include <algorithm>
#include <string>

#include <curl/curl.h>

namespace sidecar
{

Duration
Backoff::ceiling(int failures) const
{
    Duration ceiling = first_;
    for (int i = 0; i < failures && ceiling < longest_; i++)
        ceiling *= 2;
    return std::min(ceiling, longest_);
}

Duration
Backoff::delay(int failures)
{
    std::uniform_int_distribution<Duration::rep> spread(0, ceiling(failures).count());
    return Duration(spread(random_));
}

std::optional<Duration>
retry_after(std::string_view header, WallTime now)
{
    while (!header.empty() && (header.back() == ' ' || header.back() == '\t'))
        header.remove_suffix(1);
    while (!header.empty() && (header.front() == ' ' || header.front() == '\t'))
        header.remove_prefix(1);
    if (header.empty() || header.size() > 64)
        return std::nullopt;
    if (header.find_first_not_of("0123456789") == std::string_view::npos) {
        // Ten digits and more are beyond the limit whatever they say.
        if (header.size() > 9)
            return max_retry_after;
        return std::min<Duration>(std::chrono::seconds(std::stol(std::string(header))),
                                  max_retry_after);
    }
    if (header.front() >= '0' && header.front() <= '9')
        return std::nullopt;
    const std::time_t date = curl_getdate(std::string(header).c_str(), nullptr);
    if (date == -1)
        return std::nullopt;
    const auto wait = std::chrono::system_clock::from_time_t(date) - now;
    return std::clamp(std::chrono::ceil<Duration>(wait), Duration(0), max_retry_after);
}

} // namespace sidecar
