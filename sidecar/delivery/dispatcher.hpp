// Decides what happens next to all publications this sidecar holds: claims when there is room,
// sends side by side, keeps the leases, stops when our token is refused, and lets go when asked to.
// One thread; everything happens in step() and in the callbacks of the queue.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "delivery/delivery.hpp"
#include "delivery/queue.hpp"
#include "delivery/reporter.hpp"
#include "delivery/sink.hpp"

namespace sidecar
{

struct DispatchSettings {
    std::string producer = "postgres"; // whose publications are claimed
    std::size_t concurrency = 8;       // sends at a time
    std::size_t batch = 16;            // publications per claim
    std::size_t max_held = 64;         // claims held at a time, those that wait included
    LeaseRules lease{std::chrono::seconds(60), std::chrono::seconds(15)};
    Duration poll = std::chrono::seconds(5);
    Duration probe = std::chrono::minutes(1); // between tries while our token is refused
};

class Dispatcher
{
public:
    Dispatcher(const DispatchSettings &settings, Queue &queue, Sink &sink, const Clock &clock,
               Log &log, Backoff backoff);

    // Does everything that is due; says when the next thing will be, events aside.
    TimePoint step();

    // There may be something to claim (NOTIFY).
    void
    wake()
    {
        wanted_ = true;
    }

    // The database is there again: what failed before may work now.
    void reconnected();

    // The token may be another now: tries one of the held publications at once.
    void retry_held();

    // Claims no more, gives back what is not being sent; sends under way may finish.
    void drain();

    // Ends the sends under way too.
    void abandon();

    // Whether nothing is held and nothing is to be reported.
    bool
    idle() const
    {
        return deliveries_.empty() && reporter_.idle() && !claiming_;
    }

    // Whether the last claim found nothing and it has been answered since the last delivery.
    bool
    exhausted() const
    {
        return idle() && found_nothing_ && !wanted_;
    }

    // Who refuses what we come with: the producer our token, or the store our key.
    Refuser
    refuser() const
    {
        return probe_at_ ? refuser_ : Refuser::nobody;
    }
    bool
    unauthorized() const
    {
        return probe_at_.has_value();
    }

    // Why the last claim failed; empty when it did not.
    const std::optional<Failure> &
    claim_failure() const
    {
        return claim_failure_;
    }

    const Tally &
    tally() const
    {
        return reporter_.tally();
    }
    std::size_t
    held() const
    {
        return deliveries_.size();
    }
    std::size_t
    sending() const
    {
        return sending_;
    }

private:
    using Deliveries = std::map<std::int64_t, std::unique_ptr<Delivery>>;

    void collect(TimePoint now);
    void finish(Delivery &delivery, const Outcome &outcome, TimePoint now);
    void note_authority(const Outcome &outcome, TimePoint now);
    void extend_leases(TimePoint now);
    void extension_answered(std::int64_t id, const std::string &claim,
                            const std::variant<bool, Failure> &answer);
    void lose(Delivery &delivery);
    void send_due(TimePoint now);
    void send_probe(TimePoint now);
    void send(Delivery &delivery);
    void claim(TimePoint now);
    std::size_t room(TimePoint now) const;
    void claimed(TimePoint asked, std::size_t batch,
                 std::variant<std::vector<Publication>, Failure> answer);
    void settle(Delivery &delivery, Report report, End end);
    Fields life_of(const Delivery &delivery) const;
    TimePoint next_due(TimePoint now) const;

    DispatchSettings settings_;
    Queue &queue_;
    Sink &sink_;
    const Clock &clock_;
    Log &log_;
    Backoff backoff_;
    Reporter reporter_;
    Deliveries deliveries_;
    std::size_t sending_ = 0;
    std::size_t failures_in_a_row_ = 0; // sends that ended with "not now"
    bool wanted_ = true;
    bool claiming_ = false;
    bool found_nothing_ = false;
    bool settled_since_claim_ = false;
    bool draining_ = false;
    TimePoint poll_at_{};
    std::optional<TimePoint> probe_at_; // set while our token or key is refused
    Refuser refuser_ = Refuser::nobody;
    std::optional<Failure> claim_failure_;
};

} // namespace sidecar
