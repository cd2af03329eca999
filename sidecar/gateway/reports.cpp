// See reports.hpp.
#include "gateway/reports.hpp"

#include <ctime>
#include <utility>

#include "gateway/json_text.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr std::size_t max_waiting =
    32UL * 1024 * 1024;                     // bytes; beyond that entries are counted only
constexpr std::size_t max_refused = 10'000; // kinds

void
append_member(std::string &out, const char *name, const std::string &text)
{
    out.append(R"(,")").append(name).append(R"(":)");
    append_json_string(out, text);
}

// The time now as PostgreSQL reads it.
std::string
time_of(WallTime now)
{
    const auto micros =
        std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
    const std::time_t seconds = micros / 1'000'000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[64];
    const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    const std::string fraction = std::to_string(1'000'000 + micros % 1'000'000);
    return std::string(text, size) + "." + fraction.substr(1) + "Z";
}

} // namespace

void
Reports::add(const CallHead &head, int status, const std::string &detail)
{
    std::string entry = R"({"status":)" + std::to_string(status);
    append_member(entry, "key_id", head.key_id);
    append_member(entry, "request_id", head.request_id);
    append_member(entry, "endpoint", head.endpoint);
    append_member(entry, "client_address", head.client_address);
    append_member(entry, "time", time_of(clock_.wall()));
    entry.append(R"(,"detail":)").append(detail).append("}");
    append(entry);
}

void
Reports::refused(const std::string &rule, const std::string &key_id, const std::string &address)
{
    const std::string kind = rule + " " + key_id + " " + address;
    const auto found = refused_.find(kind);
    if (found != refused_.end()) {
        found->second.second++;
        return;
    }
    if (refused_.size() >= max_refused) {
        lost_++;
        return;
    }
    if (waiting_since() == clock_.now())
        since_ = clock_.now();
    std::string entry = R"("refused":)";
    append_json_string(entry, rule);
    if (!key_id.empty())
        append_member(entry, "key_id", key_id);
    append_member(entry, "client_address", address);
    append_member(entry, "time", time_of(clock_.wall()));
    refused_.emplace(kind, std::pair(std::move(entry), 1));
}

void
Reports::append(const std::string &entry)
{
    if (entries_.size() + unsent_.size() > max_waiting) {
        lost_++;
        return;
    }
    if (entries_.empty() && refused_.empty())
        since_ = clock_.now();
    entries_.append(entries_.empty() ? "" : ",").append(entry);
}

std::string
Reports::take()
{
    if (!unsent_.empty())
        return std::exchange(unsent_, {});
    for (const auto &one : std::exchange(refused_, {}))
        append("{" + one.second.first + R"(,"count":)" + std::to_string(one.second.second) + "}");
    if (lost_ > 0)
        append(R"({"detail":{"lost":)" + std::to_string(std::exchange(lost_, 0)) + "}}");
    if (entries_.empty())
        return {};
    return "[" + std::exchange(entries_, {}) + "]";
}

void
Reports::put_back(std::string batch)
{
    unsent_ = std::move(batch);
}

TimePoint
Reports::waiting_since() const
{
    const bool waits = !entries_.empty() || !refused_.empty() || !unsent_.empty();
    return waits ? since_ : clock_.now();
}

} // namespace sidecar::gateway
