// One claimed publication on its way: when it may be sent, when its lease is to be extended, and
// what its end is. Pure: it calls nobody, it is told what happened and when.
//
//   ready -> sending -> (settled) | waiting -> sending | held -> ready
//
// The rule a reader must know: delivered 'no' is only said when no send of this claim can have
// been stored; maybe_stored_, once set, stays.
#pragma once

#include <memory>
#include <optional>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "delivery/outcome.hpp"
#include "delivery/publication.hpp"
#include "delivery/queue.hpp"

namespace sidecar
{

struct LeaseRules {
    Duration lease;        // how long a claim is ours after each extension
    Duration call_timeout; // how long a send can last; none starts with less lease than that
};

class Delivery
{
public:
    enum class State { ready, sending, waiting, held };

    // claimed is when the claim was asked for, the earliest time its lease can have begun.
    Delivery(Publication publication, LeaseRules rules, TimePoint claimed);

    const Publication &
    publication() const
    {
        return publication_;
    }
    // The same, for the sink that it is handed to.
    Publication &
    to_send()
    {
        return publication_;
    }
    State
    state() const
    {
        return state_;
    }
    int
    sends() const
    {
        return sends_;
    }
    int
    rejections() const
    {
        return rejections_;
    }
    TimePoint
    claimed() const
    {
        return claimed_;
    }

    // When the next send is due, whatever the lease is.
    TimePoint
    due() const
    {
        return due_;
    }

    // Whether the lease outlasts a send that starts now.
    bool
    leased(TimePoint now) const
    {
        return lease_->lasts(now + rules_.call_timeout);
    }

    void send_started();

    // Takes what came of a send: the report that settles it, or nothing when it goes on.
    std::optional<Report> send_finished(const Outcome &outcome, TimePoint now, Backoff &backoff);

    // The send under way was ended by us.
    void send_aborted(bool maybe_stored);

    // A held delivery may be sent again.
    void release(TimePoint now);

    // The report that makes it another sidecar's, or ours under another claim, when the pause is
    // over.
    Report give_back(const std::string &why, Duration pause = {}) const;

    // The report for a claim that is no longer ours: only when something was sent.
    std::optional<Report> lose() const;

    // The report that fails it for good without another send.
    Report fail(const std::string &why) const;

    // When the lease is to be extended; far away while an extension is under way.
    TimePoint extension_due() const;
    void extension_asked(TimePoint now);
    void extended();
    void extension_failed(TimePoint now);

private:
    Report report_of(bool complete) const;

    Publication publication_;
    LeaseRules rules_;
    State state_ = State::ready;
    TimePoint claimed_;
    TimePoint due_;
    std::shared_ptr<Lease> lease_;
    TimePoint extension_due_;
    std::optional<TimePoint> extension_asked_;
    int sends_ = 0;
    int failures_ = 0;
    int rejections_ = 0;
    bool maybe_stored_ = false;
};

} // namespace sidecar
