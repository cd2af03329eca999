// See turns.hpp.
#include "gateway/turns.hpp"

#include <algorithm>

namespace sidecar::gateway
{

asio::awaitable<bool>
Turns::wait(const std::string &db_id, TimePoint until)
{
    const auto turn = std::make_shared<Awaited<bool>>(io_);
    const auto place = waiting_.insert(waiting_.end(), Waiter{db_id, turn});
    const bool given = (co_await turn->get(until)).has_value();
    if (!given)
        waiting_.erase(place);
    co_return given;
}

void
Turns::give(const std::string &db_id)
{
    auto next = std::find_if(waiting_.begin(), waiting_.end(),
                             [&](const Waiter &waiter) { return waiter.db_id == db_id; });
    if (next == waiting_.end())
        next = waiting_.begin();
    if (next == waiting_.end())
        return;
    const auto turn = next->turn;
    waiting_.erase(next);
    turn->set(true);
}

} // namespace sidecar::gateway
