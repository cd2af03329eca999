// Who waits for a connection of a workspace, in the order in which they came.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "gateway/awaited.hpp"

namespace sidecar::gateway
{

class Turns
{
public:
    explicit Turns(asio::io_context &io) : io_(io)
    {
    }

    // Waits for a turn; false: none has come by then.
    asio::awaitable<bool> wait(const std::string &db_id, TimePoint until);

    // Gives a turn to the next one who waits for this workspace, or, if there is none, who waits at
    // all.
    void give(const std::string &db_id);

private:
    struct Waiter {
        std::string db_id;
        std::shared_ptr<Awaited<bool>> turn;
    };

    asio::io_context &io_;
    std::list<Waiter> waiting_;
};

} // namespace sidecar::gateway
