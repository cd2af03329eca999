// The threads that bring buckets at the store to what the registry wants, and compare them with it.
// Each has a connection and a store of its own. While the store refuses our key nothing is claimed,
// and it is probed each minute.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "postgres/conninfo.hpp"
#include "store/store_threads.hpp"

namespace sidecar
{

struct BucketLoopSettings {
    std::shared_ptr<const Conninfo> conninfo;
    OpenStore open;
    std::string worker;
    Duration check{};             // between comparisons of a bucket
    Duration poll{};              // for work that nobody told of
    Duration statement_timeout{}; // of the database
    Duration call_timeout{};      // of the store; a claim lasts three times as long
    std::size_t threads = 2;      // so that a removal that lasts holds up no revocation
    std::atomic<bool> *refuses{}; // told whether the store refuses us; lives with the process
};

class BucketLoop
{
public:
    BucketLoop(BucketLoopSettings settings, const Log &log);

    // Tells the threads to end and leaves them behind: one may be in the middle of a call.
    ~BucketLoop();
    BucketLoop(const BucketLoop &) = delete;
    BucketLoop &operator=(const BucketLoop &) = delete;

    // There may be work (NOTIFY).
    void wake();

private:
    class State;

    std::shared_ptr<State> state_;
};

} // namespace sidecar
