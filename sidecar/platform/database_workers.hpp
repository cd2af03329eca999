// Work on the database, done by a few threads with a connection each, so that the loop that serves
// the network never waits. A piece of work may ask to be gone on with after a pause: the thread
// does not wait for that. Slow work (provisioning may wait for a shell) never takes the last
// thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "base/clock.hpp"
#include "platform/database.hpp"
#include "platform/message.hpp"
#include "platform/pg_database.hpp"

namespace sidecar
{

class Jobs
{
public:
    // Makes the threads. pool_limit: how much work may wait.
    Jobs(std::shared_ptr<PgShared> shared, std::size_t threads, std::size_t limit);

    // Lets the threads end when they can; what waits is dropped.
    ~Jobs();
    Jobs(const Jobs &) = delete;
    Jobs &operator=(const Jobs &) = delete;

    // Does the work, until it has come to a response, which done gets, in one of the threads.
    // Returns false, and does nothing, when too much is waiting.
    bool submit(Work work, std::function<void(Response)> done);

    // How much work waits or is being done.
    std::size_t busy() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace sidecar
