// One sink for the dispatchers of several producers: each has a share of it, starts its own sends
// there and gets only their ends. All of it happens in the loop's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "delivery/sink.hpp"

namespace sidecar
{

// The sink, and the ends of sends that their shares have not collected yet.
struct CommonSink {
    std::unique_ptr<Sink> sink;
    std::vector<Finished> ended;
};

class SharedSink final : public Sink
{
public:
    explicit SharedSink(std::shared_ptr<CommonSink> common) : common_(std::move(common))
    {
    }

    void start(Publication &publication) override;
    bool abort(std::int64_t publication_id) override;
    std::vector<Finished> collect() override;
    void wait(std::span<pollfd> fds, Duration limit) override;

private:
    std::shared_ptr<CommonSink> common_;
    std::set<std::int64_t> started_; // sends of this share that have not been collected
};

} // namespace sidecar
