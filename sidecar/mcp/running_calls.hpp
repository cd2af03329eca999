// The calls of tools that are under way, so that their callers can cancel them.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace sidecar
{

class RunningCalls
{
public:
    // One call: it can be cancelled as long as this object lives, and is forgotten afterwards,
    // whatever has become of it.
    class Call
    {
    public:
        Call(std::shared_ptr<RunningCalls> calls, std::string key);
        ~Call();
        Call(const Call &) = delete;
        Call &operator=(const Call &) = delete;

        bool
        cancelled() const
        {
            return *cancelled_;
        }

    private:
        std::shared_ptr<RunningCalls> calls_;
        std::string key_;
        std::shared_ptr<std::atomic<bool>> cancelled_;
    };

    // Cancels the call with this key, if there is one.
    void cancel(const std::string &key);

    std::size_t count() const;

private:
    mutable std::mutex mutex_;
    std::map<std::string, std::shared_ptr<std::atomic<bool>>> flags_;
};

} // namespace sidecar
