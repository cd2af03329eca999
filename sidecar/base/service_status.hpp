// What the loop that delivers publications tells the threads that answer requests.
#pragma once

#include <atomic>

namespace sidecar
{

struct ServiceStatus {
    std::atomic<bool> delivers{false};         // this process has a sink
    std::atomic<bool> producer_refuses{false}; // our token
    std::atomic<bool> queue_connected{false};  // the loop's own connections
    std::atomic<bool> draining{false};
};

} // namespace sidecar
