// See running_calls.hpp.
#include "mcp/running_calls.hpp"

#include <utility>

namespace sidecar
{

RunningCalls::Call::Call(std::shared_ptr<RunningCalls> calls, std::string key)
    : calls_(std::move(calls)), key_(std::move(key)),
      cancelled_(std::make_shared<std::atomic<bool>>(false))
{
    const std::lock_guard lock(calls_->mutex_);
    calls_->flags_[key_] = cancelled_;
}

RunningCalls::Call::~Call()
{
    const std::lock_guard lock(calls_->mutex_);
    // A client that uses an id twice has put another call in this place.
    const auto found = calls_->flags_.find(key_);
    if (found != calls_->flags_.end() && found->second == cancelled_)
        calls_->flags_.erase(found);
}

void
RunningCalls::cancel(const std::string &key)
{
    const std::lock_guard lock(mutex_);
    if (const auto found = flags_.find(key); found != flags_.end())
        *found->second = true;
}

std::size_t
RunningCalls::count() const
{
    const std::lock_guard lock(mutex_);
    return flags_.size();
}

} // namespace sidecar
