// The work at buckets in the registry (WorkQueue), by a connection that waits. It belongs to one
// thread.
#pragma once

#include <string>

#include "postgres/blocking_connection.hpp"
#include "store/bucket_worker.hpp"

namespace sidecar
{

class PgWorkQueue final : public WorkQueue
{
public:
    // Buckets that were compared with the store longer ago than check are claimed as well.
    PgWorkQueue(BlockingConnection connection, std::string worker, Duration check)
        : connection_(std::move(connection)), worker_(std::move(worker)), check_(check)
    {
    }

    std::vector<ClaimedWork> claim(int batch, Duration lease, Compare compare) override;
    bool extend(const ClaimedWork &work, Duration lease) override;
    bool complete(const ClaimedWork &work, const std::string &observed) override;
    void fail(const ClaimedWork &work, const std::string &error, const char *code,
              std::optional<Duration> again_in) override;

    // Tells which buckets of the platform's user the store has; returns how many of them the
    // registry does not know.
    std::int64_t report_buckets(const std::vector<std::string> &names);

private:
    BlockingConnection connection_;
    std::string worker_;
    Duration check_;
};

} // namespace sidecar
