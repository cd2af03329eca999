// See canceller.hpp.
#include "gateway/canceller.hpp"

#include <memory>
#include <utility>

namespace sidecar::gateway
{
namespace
{

constexpr std::size_t max_waiting = 1000;

} // namespace

Canceller::Canceller() : shared_(std::make_shared<Shared>())
{
    std::thread([shared = shared_] {
        for (;;) {
            std::unique_lock lock(shared->mutex);
            shared->wake.wait(lock, [&] { return shared->ended || !shared->waiting.empty(); });
            if (shared->ended)
                return;
            const std::function<void()> work = std::move(shared->waiting.front());
            shared->waiting.pop_front();
            lock.unlock();
            work();
        }
    }).detach();
}

Canceller::~Canceller()
{
    const std::lock_guard lock(shared_->mutex);
    shared_->ended = true;
    shared_->wake.notify_one();
}

void
Canceller::cancel(PGconn *connection)
{
    const std::shared_ptr<PGcancel> cancel(PQgetCancel(connection), PQfreeCancel);
    if (cancel)
        run([cancel] {
            char said[256];
            PQcancel(cancel.get(), said, sizeof said);
        });
}

void
Canceller::run(std::function<void()> work)
{
    const std::lock_guard lock(shared_->mutex);
    if (shared_->waiting.size() < max_waiting)
        shared_->waiting.push_back(std::move(work));
    shared_->wake.notify_one();
}

} // namespace sidecar::gateway
