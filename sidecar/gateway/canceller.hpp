// Cancels statements and ends backends from a thread of its own: libpq's calls for that connect and
// wait.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include <libpq-fe.h>

namespace sidecar::gateway
{

class Canceller
{
public:
    Canceller();

    // Lets what is under way end by itself; what waits is dropped.
    ~Canceller();
    Canceller(const Canceller &) = delete;
    Canceller &operator=(const Canceller &) = delete;

    // Cancels what runs on the connection now.
    void cancel(PGconn *connection);

    // Runs work in the thread.
    void run(std::function<void()> work);

private:
    struct Shared {
        std::mutex mutex;
        std::condition_variable wake;
        std::deque<std::function<void()>> waiting;
        bool ended = false;
    };
    std::shared_ptr<Shared> shared_;
};

} // namespace sidecar::gateway
