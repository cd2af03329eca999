// See bucket_worker.hpp.
#include "store/bucket_worker.hpp"

#include "base/failure.hpp"

namespace sidecar
{

BucketWorker::BucketWorker(WorkerSettings settings, WorkQueue &queue, ObjectStore &store,
                           const Clock &clock, Log &log)
    : settings_(settings), queue_(queue), store_(store), clock_(clock), log_(log)
{
}

std::size_t
BucketWorker::turn(Compare compare)
{
    const TimePoint claimed_at = clock_.now();
    const auto claimed = queue_.claim(settings_.batch, settings_.lease, compare);
    for (const ClaimedWork &work : claimed) {
        lease_over_ = claimed_at + settings_.lease;
        lost_ = false;
        work_at(work);
    }
    return claimed.size();
}

void
BucketWorker::work_at(const ClaimedWork &work)
{
    store_.guard([&] { return may_begin(work); });
    WorkDone done;
    try {
        done = do_bucket_work(store_, read_storage(work.storage));
    } catch (const Failure &failure) {
        done.result = {StoreStatus::other, failure.what()}; // fails this one, not its neighbours
    }
    store_.guard({});
    if (!lost_)
        report(work, done);
}

void
BucketWorker::report(const ClaimedWork &work, const WorkDone &done)
{
    const StoreResult &result = done.result;
    refusal_ = result.status == StoreStatus::refused ? result.text : std::string();
    if (result.ok()) {
        const bool held = queue_.complete(work, observed_of(done));
        log_.info(held ? "bucket work done" : "bucket work done without its claim",
                  {{"bucket_id", work.bucket_id}, {"generation", work.generation}});
        return;
    }
    std::optional<Duration> again_in;
    if (result.status == StoreStatus::again)
        again_in = settings_.look_again;
    queue_.fail(work, result.text, code_of(result.status), again_in);
    log_.warn("bucket work failed", {{"bucket_id", work.bucket_id}, {"error", result.text}});
}

// Whether enough of the lease is left for a request, or could be had. Without an answer of the
// registry it is not.
bool
BucketWorker::may_begin(const ClaimedWork &work)
{
    if (lost_)
        return false;
    const TimePoint now = clock_.now();
    if (lease_over_ - now >= settings_.call_timeout)
        return true;
    try {
        lost_ = !queue_.extend(work, settings_.lease);
    } catch (const Failure &failure) {
        log_.warn("bucket work cannot be extended", {{"error", std::string(failure.what())}});
        lost_ = true;
    }
    lease_over_ = now + settings_.lease;
    return !lost_;
}

} // namespace sidecar
