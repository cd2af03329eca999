// See supervisor.hpp.
#include "base/supervisor.hpp"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/descriptor.hpp"

namespace sidecar
{

Supervisor::Supervisor()
{
    if (const char *socket = std::getenv("NOTIFY_SOCKET"))
        socket_ = socket;
    const char *limit = std::getenv("WATCHDOG_USEC");
    const char *process = std::getenv("WATCHDOG_PID");
    const bool ours = process == nullptr || std::atol(process) == getpid();
    if (limit != nullptr && ours && std::atoll(limit) > 0)
        interval_ = Duration(std::max(1LL, std::atoll(limit) / 2000));
}

void
Supervisor::reloading() const
{
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    tell("RELOADING=1\nMONOTONIC_USEC=" +
         std::to_string(now.tv_sec * 1'000'000LL + now.tv_nsec / 1000));
}

void
Supervisor::tell(const std::string &message) const
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_.size() < 2 || socket_.size() >= sizeof address.sun_path)
        return;
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    if (address.sun_path[0] == '@')
        address.sun_path[0] = '\0'; // an abstract one
    const Descriptor fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
    if (fd.get() >= 0)
        sendto(fd.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr *>(&address), size);
}

} // namespace sidecar
