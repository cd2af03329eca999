// See dispatcher.hpp.
#include "delivery/dispatcher.hpp"

#include <algorithm>
#include <utility>

namespace sidecar
{

using State = Delivery::State;

Dispatcher::Dispatcher(const DispatchSettings &settings, Queue &queue, Sink &sink,
                       const Clock &clock, Log &log, Backoff backoff)
    : settings_(settings), queue_(queue), sink_(sink), clock_(clock), log_(log), backoff_(backoff),
      reporter_(queue, clock, log)
{
}

TimePoint
Dispatcher::step()
{
    const TimePoint now = clock_.now();
    collect(now);
    extend_leases(now);
    send_due(now);
    reporter_.step(now);
    claim(now);
    return next_due(now);
}

void
Dispatcher::reconnected()
{
    wanted_ = true;
    claim_failure_.reset();
    reporter_.hurry();
}

void
Dispatcher::retry_held()
{
    if (probe_at_)
        probe_at_ = clock_.now();
}

void
Dispatcher::drain()
{
    draining_ = true;
    for (auto next = deliveries_.begin(); next != deliveries_.end();) {
        Delivery &delivery = *(next++)->second;
        if (delivery.state() != State::sending)
            settle(delivery, delivery.give_back("the sidecar stopped before it was delivered"),
                   End::given_back);
    }
}

void
Dispatcher::abandon()
{
    draining_ = true;
    for (auto &[id, delivery] : deliveries_) {
        if (delivery->state() != State::sending)
            continue;
        delivery->send_aborted(sink_.abort(id));
        sending_--;
    }
    drain();
}

void
Dispatcher::collect(TimePoint now)
{
    for (const Finished &finished : sink_.collect()) {
        const auto found = deliveries_.find(finished.publication_id);
        if (found == deliveries_.end() || found->second->state() != State::sending)
            continue;
        sending_--;
        note_authority(finished.outcome, now);
        finish(*found->second, finished.outcome, now);
    }
}

void
Dispatcher::note_authority(const Outcome &outcome, TimePoint now)
{
    const bool not_now = outcome.verdict == Verdict::again || outcome.verdict == Verdict::renew;
    failures_in_a_row_ = not_now ? failures_in_a_row_ + 1 : 0;
    if (outcome.verdict == Verdict::unauthorized) {
        if (!probe_at_ || refuser_ != outcome.refuser) {
            log_.error(outcome.refuser == Refuser::store
                           ? "the store refuses our key; claiming nothing until it takes it"
                           : "the producer refuses our token; claiming nothing until it takes it",
                       {{"error", outcome.error}});
            probe_at_ = now + settings_.probe;
        }
        refuser_ = outcome.refuser;
    } else if (probe_at_ && !not_now) {
        log_.info(refuser_ == Refuser::store ? "the store takes our key again"
                                             : "the producer takes our token again");
        probe_at_.reset();
        wanted_ = true;
        for (auto &[id, delivery] : deliveries_)
            delivery->release(now);
    }
}

void
Dispatcher::finish(Delivery &delivery, const Outcome &outcome, TimePoint now)
{
    if (outcome.verdict == Verdict::lost) {
        delivery.send_aborted(outcome.maybe_stored);
        lose(delivery);
        return;
    }
    std::optional<Report> report = delivery.send_finished(outcome, now, backoff_);
    if (!report) {
        Fields fields = life_of(delivery);
        fields.push_back({"error", outcome.error});
        log_.warn("not delivered yet", fields);
        if (draining_)
            settle(delivery, delivery.give_back(outcome.error), End::given_back);
        return;
    }
    const End end = outcome.verdict == Verdict::stored  ? End::delivered
                    : outcome.verdict == Verdict::stale ? End::stale
                    : outcome.verdict == Verdict::renew ? End::given_back
                                                        : End::failed;
    settle(delivery, std::move(*report), end);
}

void
Dispatcher::extend_leases(TimePoint now)
{
    if (!queue_.connected())
        return;
    for (auto &[id, delivery] : deliveries_) {
        if (delivery->extension_due() > now)
            continue;
        delivery->extension_asked(now);
        const std::string &claim = delivery->publication().claim;
        queue_.extend(id, claim, settings_.lease.lease,
                      [this, id = id, claim](const std::variant<bool, Failure> &answer) {
                          extension_answered(id, claim, answer);
                      });
    }
}

void
Dispatcher::extension_answered(std::int64_t id, const std::string &claim,
                               const std::variant<bool, Failure> &answer)
{
    const auto found = deliveries_.find(id);
    // Settled meanwhile, or settled and claimed anew.
    if (found == deliveries_.end() || found->second->publication().claim != claim)
        return;
    Delivery &delivery = *found->second;
    if (const auto *failure = std::get_if<Failure>(&answer)) {
        log_.warn("lease not extended",
                  {{"publication_id", id}, {"error", std::string(failure->what())}});
        delivery.extension_failed(clock_.now());
    } else if (std::get<bool>(answer)) {
        delivery.extended();
    } else {
        lose(delivery);
    }
}

void
Dispatcher::lose(Delivery &delivery)
{
    if (delivery.state() == State::sending) {
        delivery.send_aborted(sink_.abort(delivery.publication().id));
        sending_--;
    }
    if (std::optional<Report> report = delivery.lose()) {
        settle(delivery, std::move(*report), End::lost);
        return;
    }
    reporter_.close(End::lost, life_of(delivery));
    const std::int64_t id = delivery.publication().id;
    deliveries_.erase(id);
}

void
Dispatcher::send_due(TimePoint now)
{
    if (probe_at_) {
        send_probe(now);
        return;
    }
    // Those that are due longest first, so that none starves.
    std::multimap<TimePoint, Delivery *> due;
    for (auto &[id, delivery] : deliveries_)
        if (delivery->state() != State::sending && delivery->due() <= now && delivery->leased(now))
            due.emplace(delivery->due(), delivery.get());
    for (auto &[when, delivery] : due) {
        if (sending_ >= settings_.concurrency)
            return;
        send(*delivery);
    }
}

void
Dispatcher::send_probe(TimePoint now)
{
    if (*probe_at_ > now || sending_ > 0)
        return;
    Delivery *probe = nullptr;
    // One app may be forbidden to us for good; it must not stand for all of them every time.
    for (auto &[id, delivery] : deliveries_)
        if (delivery->leased(now) && (!probe || delivery->rejections() < probe->rejections()))
            probe = delivery.get();
    if (probe == nullptr)
        return;
    probe_at_ = now + settings_.probe;
    send(*probe);
}

void
Dispatcher::send(Delivery &delivery)
{
    delivery.send_started();
    sending_++;
    sink_.start(delivery.to_send());
}

void
Dispatcher::settle(Delivery &delivery, Report report, End end)
{
    Fields life = life_of(delivery);
    if (!report.complete) {
        life.push_back({"delivered", report.maybe_stored ? "unknown" : "no"});
        life.push_back({"error", report.error});
    }
    settled_since_claim_ = true;
    reporter_.add(std::move(report), end, std::move(life));
    const std::int64_t id = delivery.publication().id;
    deliveries_.erase(id); // and with it the secret
}

Fields
Dispatcher::life_of(const Delivery &delivery) const
{
    const Publication &publication = delivery.publication();
    const Duration took = clock_.now() - delivery.claimed();
    return {{"publication_id", publication.id},
            {"target", publication.target},
            {"variables", publication.variable_names()},
            {"version", publication.version},
            {"attempt", std::int64_t{publication.attempt}},
            {"sends", std::int64_t{delivery.sends()}},
            {"ms", std::int64_t{took.count()}}};
}

TimePoint
Dispatcher::next_due(TimePoint now) const
{
    TimePoint next = TimePoint::max();
    // What is due already was done in this step, or waits for an event, not for a time.
    const auto consider = [&](TimePoint when) {
        if (when > now)
            next = std::min(next, when);
    };
    for (const auto &[id, delivery] : deliveries_) {
        consider(delivery->extension_due());
        if (delivery->state() != State::sending)
            consider(delivery->due());
    }
    consider(reporter_.next_due());
    consider(poll_at_);
    if (probe_at_)
        consider(*probe_at_);
    return next;
}

} // namespace sidecar
