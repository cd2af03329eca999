// What the service manager is told, over the socket it named (sd_notify(3)); without one, nothing.
#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"

namespace sidecar
{

class Supervisor
{
public:
    // Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
    Supervisor();

    // The start is over, or a reload is; status says what it does now.
    void
    ready(const std::string &status) const
    {
        tell("READY=1\nSTATUS=" + status);
    }
    void reloading() const;
    void
    stopping() const
    {
        tell("STOPPING=1\nSTATUS=finishing what is under way");
    }
    void
    alive() const
    {
        tell("WATCHDOG=1");
    }

    // How often alive() is to be said: half of what the service manager allows.
    const std::optional<Duration> &
    interval() const
    {
        return interval_;
    }

private:
    void tell(const std::string &message) const;

    std::string socket_;
    std::optional<Duration> interval_;
};

} // namespace sidecar
