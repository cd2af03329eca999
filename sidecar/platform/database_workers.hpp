// Tasks on the database, run by a few threads with a connection each, so that the loop that serves
// the network never waits. A task may be followed by another after a pause: no thread waits for
// that. Slow tasks (provisioning may wait for a shell) never take the last thread.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.hpp"
#include "platform/database.hpp"
#include "platform/message.hpp"

namespace sidecar
{

// Makes the database of one thread, which connects when it is first asked. It decides which login
// a pool works as; a second login is a second pool.
using OpenDatabase = std::function<std::unique_ptr<Database>()>;

class DatabaseWorkers
{
public:
    // Makes the threads. limit: how many tasks may wait or be under way.
    DatabaseWorkers(OpenDatabase open, std::size_t threads, std::size_t limit);

    // Lets the threads end when they can; what waits is dropped.
    ~DatabaseWorkers();
    DatabaseWorkers(const DatabaseWorkers &) = delete;
    DatabaseWorkers &operator=(const DatabaseWorkers &) = delete;

    // Runs the task, and those that follow from it, until there is a response, which done gets, in
    // one of the threads. Returns false, and does nothing, when there are limit tasks already.
    bool submit(Task task, std::function<void(Response)> done);

    // How many tasks wait or are under way.
    std::size_t busy() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace sidecar
