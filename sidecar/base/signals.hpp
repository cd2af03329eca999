// Signals as messages: SIGTERM, SIGINT and SIGHUP arrive through a descriptor, never in the middle
// of something. Make it before any thread, because threads inherit the mask.
#pragma once

#include <csignal>
#include <system_error>

#include <sys/signalfd.h>
#include <unistd.h>

#include "base/descriptor.hpp"

namespace sidecar
{

class Signals
{
public:
    Signals()
    {
        sigset_t set;
        sigemptyset(&set);
        for (const int signal : {SIGTERM, SIGINT, SIGHUP})
            sigaddset(&set, signal);
        sigprocmask(SIG_BLOCK, &set, nullptr);
        fd_ = Descriptor(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
        if (fd_.get() < 0)
            throw std::system_error(errno, std::generic_category(), "signalfd");
    }

    int
    fd() const
    {
        return fd_.get();
    }

    // The next signal that has come, 0 when there is none.
    int
    take() const
    {
        signalfd_siginfo info{};
        if (read(fd_.get(), &info, sizeof info) != sizeof info)
            return 0;
        return static_cast<int>(info.ssi_signo);
    }

private:
    Descriptor fd_;
};

} // namespace sidecar
