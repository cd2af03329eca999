// The work at buckets that needs no secret, piece by piece: claimed, done, reported.
// It blocks, and belongs to one thread. No request to the store begins with less lease left than a
// request may take: a claim that could not be extended any more is given up where it stands, and
// whoever claims it next does it anew.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "store/bucket_work.hpp"

namespace sidecar
{

struct ClaimedWork {
    std::string bucket_id;
    std::string claim;
    std::int64_t generation = 0;
    std::string storage; // the document
};

// Whether buckets are claimed that are only to be compared with the store.
enum class Compare { no, yes };

// The work in the registry, behind an interface so that tests can make it fail. Each call throws a
// Failure when there is no answer.
class WorkQueue
{
public:
    virtual ~WorkQueue() = default;

    // Claims buckets whose store is behind; with those, also buckets that are to be compared.
    virtual std::vector<ClaimedWork> claim(int batch, Duration lease, Compare compare) = 0;

    // The next three return false when the claim is no longer ours, or was answered before.
    virtual bool extend(const ClaimedWork &work, Duration lease) = 0;
    virtual bool complete(const ClaimedWork &work, const std::string &observed) = 0;

    // again_in: when it is to be tried again; nothing: as the registry thinks fit.
    virtual void fail(const ClaimedWork &work, const std::string &error, const char *code,
                      std::optional<Duration> again_in) = 0;
};

struct WorkerSettings {
    int batch = 4;
    Duration lease = std::chrono::minutes(2);
    Duration call_timeout = std::chrono::seconds(35); // of the store's requests
    Duration look_again = std::chrono::seconds(5);    // at what is under way at the store
};

class BucketWorker
{
public:
    BucketWorker(WorkerSettings settings, WorkQueue &queue, ObjectStore &store, const Clock &clock,
                 Log &log);

    // Does the work that is due. Returns how many pieces it claimed. Throws the queue's Failure.
    std::size_t turn(Compare compare);

    // Why the store refuses us, as the last work found; empty when it does not. Nothing should be
    // claimed meanwhile, but the store be probed each minute.
    const std::string &
    refusal() const
    {
        return refusal_;
    }

private:
    void work_at(const ClaimedWork &work);
    void report(const ClaimedWork &work, const WorkDone &done);
    bool may_begin(const ClaimedWork &work);

    WorkerSettings settings_;
    WorkQueue &queue_;
    ObjectStore &store_;
    const Clock &clock_;
    Log &log_;
    TimePoint lease_over_{};
    bool lost_ = false; // the claim that is worked at
    std::string refusal_;
};

} // namespace sidecar
