// See connector.hpp.
#include "postgres/connector.hpp"

#include <cstdint>
#include <system_error>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "postgres/blocking_connection.hpp"

namespace sidecar
{
namespace
{

// Connects and runs the statements, in this thread.
Connector::Opened
open(const Conninfo &conninfo, const std::vector<std::string> &preparation)
{
    try {
        return BlockingConnection(conninfo, preparation).release();
    } catch (const Failure &failure) {
        return with_remedy(failure);
    }
}

} // namespace

Connector::Connector(std::shared_ptr<const Conninfo> conninfo, std::vector<std::string> preparation)
    : conninfo_(std::move(conninfo)), preparation_(std::move(preparation)),
      shared_(std::make_shared<Shared>())
{
    shared_->event = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (shared_->event.get() < 0)
        throw std::system_error(errno, std::generic_category(), "eventfd");
}

Connector::~Connector()
{
    // A connect under way ends by itself, by connect_timeout; nobody has to wait for it.
    if (thread_.joinable())
        thread_.detach();
}

void
Connector::start()
{
    if (running())
        return;
    thread_ = std::thread([shared = shared_, conninfo = conninfo_, preparation = preparation_] {
        Opened opened = open(*conninfo, preparation);
        const std::lock_guard lock(shared->mutex);
        shared->opened = std::move(opened);
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = write(shared->event.get(), &one, sizeof one);
    });
}

std::optional<Connector::Opened>
Connector::take()
{
    std::uint64_t count;
    if (!running() || read(fd(), &count, sizeof count) != sizeof count)
        return std::nullopt;
    thread_.join();
    const std::lock_guard lock(shared_->mutex);
    return std::exchange(shared_->opened, std::nullopt);
}

} // namespace sidecar
