// See reporter.hpp.
#include "delivery/reporter.hpp"

#include <algorithm>
#include <utility>

namespace sidecar
{
namespace
{

constexpr int max_refusals = 10; // of the extension to take one report

const char *
name_of(End end)
{
    switch (end) {
    case End::delivered:
        return "delivered";
    case End::failed:
        return "failed";
    case End::given_back:
        return "given back";
    case End::stale:
        return "stale";
    case End::superseded:
        return "superseded";
    default:
        return "lost";
    }
}

} // namespace

Tally &
Tally::operator+=(const Tally &other)
{
    delivered += other.delivered;
    failed += other.failed;
    given_back += other.given_back;
    stale += other.stale;
    lost += other.lost;
    unreported += other.unreported;
    return *this;
}

void
Reporter::add(Report report, End end, Fields life)
{
    entries_.emplace(next_key_++, Entry{std::move(report), end, std::move(life)});
}

void
Reporter::close(End end, const Fields &life)
{
    switch (end) {
    case End::delivered:
        tally_.delivered++;
        break;
    case End::failed:
        tally_.failed++;
        break;
    case End::given_back:
        tally_.given_back++;
        break;
    case End::stale:
    case End::superseded:
        tally_.stale++;
        break;
    case End::lost:
        tally_.lost++;
        break;
    }
    Fields fields = life;
    fields.push_back({"result", name_of(end)});
    if (end == End::failed)
        log_.error("publication", fields);
    else
        log_.info("publication", fields);
}

void
Reporter::step(TimePoint now)
{
    if (!queue_.connected())
        return;
    for (auto &[key, entry] : entries_) {
        if (entry.asked || entry.due > now)
            continue;
        entry.asked = true;
        queue_.report(entry.report,
                      [this, key = key](const std::variant<Receipt, Failure> &answer) {
                          answered(key, answer);
                      });
    }
}

void
Reporter::answered(std::uint64_t key, const std::variant<Receipt, Failure> &answer)
{
    if (const auto *failure = std::get_if<Failure>(&answer)) {
        postpone(key, *failure);
        return;
    }
    const Receipt &receipt = std::get<Receipt>(answer);
    Entry entry = std::move(entries_.at(key));
    entries_.erase(key);
    if (!receipt.status.empty())
        entry.life.push_back({"status", receipt.status});
    // A delivery whose claim was gone makes the extension publish again.
    const End end = receipt.status == "superseded" ? End::superseded : entry.end;
    close(receipt.held ? end : End::lost, entry.life);
}

void
Reporter::postpone(std::uint64_t key, const Failure &failure)
{
    Entry &entry = entries_.at(key);
    entry.asked = false;
    entry.due = clock_.now() + std::chrono::seconds(1);
    if (failure.kind() == Failure::Kind::retry) {
        entry.cut_off = true;
        return;
    }
    Fields fields = entry.life;
    fields.push_back({"error", failure.what()});
    if (++entry.failures < max_refusals) {
        log_.warn("report refused, trying again", fields);
        return;
    }
    log_.error("report refused, given up; the lease will run out", fields);
    tally_.unreported++;
    entries_.erase(key);
}

bool
Reporter::cut_off() const
{
    return std::any_of(entries_.begin(), entries_.end(),
                       [](const auto &entry) { return entry.second.cut_off; });
}

void
Reporter::hurry()
{
    for (auto &[key, entry] : entries_)
        entry.due = TimePoint{};
}

TimePoint
Reporter::next_due() const
{
    TimePoint next = TimePoint::max();
    for (const auto &[key, entry] : entries_)
        if (!entry.asked)
            next = std::min(next, entry.due);
    return next;
}

} // namespace sidecar
