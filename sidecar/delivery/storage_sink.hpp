// The sink of buckets: before a publication goes on to the sink behind it, the store is made to
// look as the claim says, the new key is made, and the registry is told of it. A publication that
// is sent again under the same claim has its key already.
//
//   start -> (store's threads: make_key) -> record_key -> the sink behind
//
// A key that the store did not answer for is given up with its claim: the store may make it late,
// and what asked for it once more would have a secret that is replaced then. The rule a reader must
// know: nothing is delivered before the registry has said that the claim is still ours, because
// from then on it knows that somebody may have the key.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "delivery/queue.hpp"
#include "delivery/sink.hpp"
#include "store/store_threads.hpp"

namespace sidecar
{

class StorageSink final : public Sink
{
public:
    // queue and the sink behind must outlive it. No request to the store begins when less of the
    // claim's lease is left than call_timeout.
    StorageSink(Sink &behind, Queue &queue, OpenStore open, std::size_t threads,
                Duration call_timeout);
    ~StorageSink() override;

    void start(Publication &publication) override;
    bool abort(std::int64_t publication_id) override;
    std::vector<Finished> collect() override;
    void wait(std::span<pollfd> fds, Duration limit) override;

    // Becomes readable when a thread of the store has something for collect().
    int fd() const;

private:
    struct Made;
    struct Results;

    void made(Made made);
    void recorded(std::int64_t publication_id, std::uint64_t run,
                  const std::variant<bool, Failure> &answer);
    void fail(std::int64_t publication_id, Verdict verdict, const std::string &why);

    // A publication whose key is being made or recorded; run tells it from an earlier one.
    struct Run {
        Publication *publication;
        std::uint64_t run;
        StoreAnswer<NewKey> key{};
        std::shared_ptr<std::atomic<bool>> wanted{}; // false: no further request to the store
    };

    Sink &behind_;
    Queue &queue_;
    Duration call_timeout_; // of the store
    std::shared_ptr<Results> results_;
    StoreThreads threads_;
    std::map<std::int64_t, Run> runs_;
    std::vector<Finished> finished_;
    std::uint64_t next_run_ = 0;
};

} // namespace sidecar
