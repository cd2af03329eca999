// See store_threads.hpp.
#include "store/store_threads.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace sidecar
{

// What the threads share; it lives as long as one of them does.
struct StoreThreads::State {
    OpenStore open;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Job> jobs;
    bool ending = false;

    // Runs jobs until it is told to end.
    void
    work()
    {
        std::unique_ptr<ObjectStore> store;
        for (;;) {
            Job job;
            {
                std::unique_lock lock(mutex);
                changed.wait(lock, [this] { return ending || !jobs.empty(); });
                if (ending)
                    return;
                job = std::move(jobs.front());
                jobs.pop_front();
            }
            if (!store)
                store = open();
            job(*store);
        }
    }
};

StoreThreads::StoreThreads(OpenStore open, std::size_t threads) : state_(std::make_shared<State>())
{
    state_->open = std::move(open);
    for (std::size_t i = 0; i < threads; i++)
        std::thread([state = state_] { state->work(); }).detach();
}

StoreThreads::~StoreThreads()
{
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
    state_->jobs.clear();
    state_->changed.notify_all();
}

void
StoreThreads::submit(Job job)
{
    const std::lock_guard lock(state_->mutex);
    state_->jobs.push_back(std::move(job));
    state_->changed.notify_one();
}

} // namespace sidecar
