// A value that one coroutine waits for and another one, or a callback, gives it: on one loop.
#pragma once

#include <optional>
#include <utility>

#include "base/asio.hpp"

namespace sidecar::gateway
{

template <typename Value> class Awaited
{
public:
    explicit Awaited(asio::io_context &io) : timer_(io, asio::steady_timer::time_point::max())
    {
    }

    // Gives the value; the first one counts.
    void
    set(Value value)
    {
        if (!value_)
            value_ = std::move(value);
        timer_.cancel();
    }

    bool
    is_set() const
    {
        return value_.has_value();
    }

    // Waits for the value, until when; nothing: it has not come by then.
    asio::awaitable<std::optional<Value>>
    get(asio::steady_timer::time_point until = asio::steady_timer::time_point::max())
    {
        boost::system::error_code ended;
        if (!value_) {
            timer_.expires_at(until);
            co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ended));
        }
        co_return std::exchange(value_, std::nullopt);
    }

private:
    asio::steady_timer timer_;
    std::optional<Value> value_;
};

} // namespace sidecar::gateway
