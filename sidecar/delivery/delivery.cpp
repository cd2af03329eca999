// See delivery.hpp.
#include "delivery/delivery.hpp"

#include <algorithm>
#include <utility>

namespace sidecar
{

Delivery::Delivery(Publication publication, LeaseRules rules, TimePoint claimed)
    : publication_(std::move(publication)), rules_(rules), claimed_(claimed), due_(claimed),
      lease_(std::make_shared<Lease>(claimed + rules.lease)),
      extension_due_(claimed + rules.lease / 3)
{
    publication_.lease = lease_;
}

void
Delivery::send_started()
{
    state_ = State::sending;
    sends_++;
}

std::optional<Report>
Delivery::send_finished(const Outcome &outcome, TimePoint now, Backoff &backoff)
{
    maybe_stored_ = maybe_stored_ || outcome.maybe_stored;
    if (outcome.verdict == Verdict::stored) {
        Report report = report_of(true);
        report.response = outcome.response;
        return report;
    }
    if (outcome.verdict == Verdict::stale || outcome.verdict == Verdict::refused) {
        Report report = fail(outcome.error);
        // Something newer stands, so whatever an earlier send left has been overwritten.
        if (outcome.verdict == Verdict::stale)
            report.maybe_stored = false;
        return report;
    }
    if (outcome.verdict == Verdict::renew)
        return give_back(outcome.error, backoff.delay(publication_.attempt));
    if (outcome.verdict == Verdict::unauthorized) {
        state_ = State::held;
        rejections_++;
        return std::nullopt;
    }
    state_ = State::waiting;
    const Duration pause = backoff.delay(failures_++);
    // What the producer asked for, and a little jitter beyond it, so that not all come at once. The
    // clock rounds down, so a tick more keeps the wait from being short of what was asked.
    due_ = now + (outcome.retry_after ? *outcome.retry_after + Duration(1) + pause / 4 : pause);
    return std::nullopt;
}

void
Delivery::send_aborted(bool maybe_stored)
{
    maybe_stored_ = maybe_stored_ || maybe_stored;
    state_ = State::waiting;
}

void
Delivery::release(TimePoint now)
{
    if (state_ == State::held) {
        state_ = State::ready;
        due_ = now;
    }
}

Report
Delivery::give_back(const std::string &why, Duration pause) const
{
    Report report = fail(why);
    report.retry_now = true;
    report.retry_pause = pause;
    return report;
}

std::optional<Report>
Delivery::lose() const
{
    if (sends_ == 0)
        return std::nullopt;
    return fail("the claim was lost while it was being delivered");
}

Report
Delivery::fail(const std::string &why) const
{
    Report report = report_of(false);
    report.error = why;
    report.maybe_stored = maybe_stored_;
    return report;
}

TimePoint
Delivery::extension_due() const
{
    return extension_asked_ ? TimePoint::max() : extension_due_;
}

void
Delivery::extension_asked(TimePoint now)
{
    extension_asked_ = now;
}

void
Delivery::extended()
{
    // Counted from the question, because the answer may have been long on its way.
    lease_->extend(*extension_asked_ + rules_.lease);
    extension_due_ = *extension_asked_ + rules_.lease / 3;
    extension_asked_.reset();
}

void
Delivery::extension_failed(TimePoint now)
{
    extension_due_ = now + rules_.lease / 12;
    extension_asked_.reset();
}

Report
Delivery::report_of(bool complete) const
{
    Report report;
    report.publication_id = publication_.id;
    report.claim = publication_.claim;
    report.complete = complete;
    return report;
}

} // namespace sidecar
