// What the parts of the process tell those that answer requests.
#pragma once

#include <atomic>

#include "base/call_tally.hpp"

namespace sidecar
{

struct ServiceStatus {
    std::atomic<bool> delivers{false};                 // this process has a sink
    std::atomic<bool> producer_refuses{false};         // our token
    std::atomic<bool> storage_producer_refuses{false}; // our token for buckets
    std::atomic<bool> store_refuses{false};            // our key, when a key is to be made
    std::atomic<bool> store_refuses_work{false};       // and when a bucket is worked at
    std::atomic<bool> queue_connected{false};          // the loop's own connections
    std::atomic<bool> draining{false};
    CallTally store_calls; // of the object store, by whatever thread
};

} // namespace sidecar
