// The claiming half of the dispatcher (dispatcher.hpp): when to claim, how many, and what comes in.
#include "delivery/dispatcher.hpp"

#include <algorithm>
#include <utility>

namespace sidecar
{

using State = Delivery::State;

void
Dispatcher::claim(TimePoint now)
{
    if (settled_since_claim_ && deliveries_.empty() && reporter_.idle())
        wanted_ = true; // what waited behind those bindings may be free now
    if (draining_ || claiming_ || !queue_.connected() || reporter_.cut_off() ||
        (!wanted_ && poll_at_ > now) || (claim_failure_ && poll_at_ > now))
        return;
    const std::size_t batch = room(now);
    if (batch == 0)
        return;
    wanted_ = false;
    settled_since_claim_ = false;
    claiming_ = true;
    poll_at_ = now + settings_.poll;
    queue_.claim(settings_.producer, static_cast<int>(batch), settings_.lease.lease,
                 [this, now, batch](std::variant<std::vector<Publication>, Failure> answer) {
                     claimed(now, batch, std::move(answer));
                 });
}

std::size_t
Dispatcher::room(TimePoint now) const
{
    const std::size_t held = deliveries_.size();
    if (probe_at_) // with nothing left to try the token with, one more is needed
        return held == 0 && *probe_at_ <= now ? 1 : 0;
    std::size_t waiting = 0;
    for (const auto &[id, delivery] : deliveries_)
        waiting += delivery->state() == State::waiting ? 1 : 0;
    const std::size_t busy = held - waiting;
    // In an outage no more is claimed, because every claim mints a password.
    const bool outage = failures_in_a_row_ >= settings_.concurrency;
    const std::size_t max_held = outage ? settings_.concurrency : settings_.max_held;
    const std::size_t max_busy = 2 * settings_.concurrency;
    // Every claim costs the database a flush of its log: none is made for one or two while more
    // than half of the reserve is there.
    if (held >= max_held || busy > settings_.concurrency + settings_.concurrency / 2)
        return 0;
    return std::min({settings_.batch, max_held - held, max_busy - busy});
}

void
Dispatcher::claimed(TimePoint asked, std::size_t batch,
                    std::variant<std::vector<Publication>, Failure> answer)
{
    claiming_ = false;
    claim_failure_.reset();
    if (auto *failure = std::get_if<Failure>(&answer)) {
        claim_failure_ = *failure;
        wanted_ = true;
        if (failure->kind() != Failure::Kind::retry)
            log_.error("nothing can be claimed", {{"error", std::string(failure->what())}});
        return;
    }
    auto &publications = std::get<std::vector<Publication>>(answer);
    found_nothing_ = publications.empty();
    wanted_ = wanted_ || publications.size() >= batch;
    for (Publication &publication : publications) {
        const std::int64_t id = publication.id;
        auto &slot = deliveries_[id];
        if (slot &&
            slot->state() == State::sending) { // our own lease ran out and we claimed it anew
            slot->send_aborted(sink_.abort(id));
            sending_--;
        }
        slot = std::make_unique<Delivery>(std::move(publication), settings_.lease, asked);
        if (const std::string &defect = slot->publication().defect; !defect.empty())
            settle(*slot, slot->fail(defect), End::failed);
        else if (draining_)
            settle(*slot, slot->give_back("the sidecar is stopping"), End::given_back);
    }
}

} // namespace sidecar
