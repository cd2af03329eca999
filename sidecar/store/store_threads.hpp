// A few threads that call the store, which blocks, for a loop that must not. Each thread has an
// ObjectStore of its own, made when it is first needed.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "store/object_store.hpp"

namespace sidecar
{

using OpenStore = std::function<std::unique_ptr<ObjectStore>()>;

class StoreThreads
{
public:
    using Job = std::function<void(ObjectStore &)>;

    StoreThreads(OpenStore open, std::size_t threads);

    // Lets the threads end when they can; what waits is dropped.
    ~StoreThreads();
    StoreThreads(const StoreThreads &) = delete;
    StoreThreads &operator=(const StoreThreads &) = delete;

    // Runs the job in one of the threads. It must not throw, and what it refers to must live as
    // long as the process: nobody waits for a call that hangs.
    void submit(Job job);

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace sidecar
