// See shared_door.hpp.
#include "http/shared_door.hpp"

#include <utility>

namespace sidecar
{
// A request that one of the doors has let in; of /metrics and /readyz, both.
struct SharedDoor::Shared final : Door::Admission {
    std::unique_ptr<Admission> own;
    std::unique_ptr<Admission> of_gateway;
};

Door &
SharedDoor::door_of(const Request &request) const
{
    return path_of(request).starts_with("/v1/") ? gateway_ : api_;
}

std::unique_ptr<Door::Admission>
SharedDoor::admit(const Request &request)
{
    auto shared = std::make_unique<Shared>();
    shared->own = door_of(request).admit(request);
    if (path_of(request) == "/metrics" || path_of(request) == "/readyz")
        shared->of_gateway = gateway_.admit(request);
    return shared;
}

asio::awaitable<Response>
SharedDoor::answer(Admission &admission, const Request &request, const bool &client_gone)
{
    auto &shared = static_cast<Shared &>(admission);
    Response response = co_await door_of(request).answer(*shared.own, request, client_gone);
    if (!shared.of_gateway || response.status != 200)
        co_return response;
    Response also = co_await gateway_.answer(*shared.of_gateway, request, client_gone);
    if (path_of(request) == "/metrics")
        response.body += also.body;
    else if (also.status != 200)
        response = std::move(also);
    co_return response;
}

Response
SharedDoor::refuse(const Problem &problem, const Request &request, const Admission *admission)
{
    const auto *shared = static_cast<const Shared *>(admission);
    return door_of(request).refuse(problem, request,
                                   shared != nullptr ? shared->own.get() : nullptr);
}

void
SharedDoor::answered(const Admission *admission, const Request &request, const Response &response,
                     double seconds)
{
    const auto *shared = static_cast<const Shared *>(admission);
    door_of(request).answered(shared != nullptr ? shared->own.get() : nullptr, request, response,
                              seconds);
}

void
SharedDoor::connections(std::size_t open)
{
    api_.connections(open);
}

void
SharedDoor::close()
{
    api_.close();
    gateway_.close();
}

bool
SharedDoor::idle() const
{
    return api_.idle() && gateway_.idle();
}

} // namespace sidecar
