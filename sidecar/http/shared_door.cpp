// See shared_door.hpp.
#include "http/shared_door.hpp"

#include <utility>

#include "base/json.hpp"

namespace sidecar
{
namespace
{

// What two doors say of whether they are ready, in the words of the gateway's, which has all that
// the API's has.
Response
both_ready(const Response &own, const Response &also)
{
    Json reasons(json_array());
    for (const Response *one : {&own, &also})
        if (const Json body = parse_json(one->body); body)
            json_array_extend(reasons.get(), json_object_get(body.get(), "reasons"));
    const json_t *first = json_array_get(reasons.get(), 0);
    const bool ready = own.status == 200 && also.status == 200;
    Response response = also;
    response.status = ready ? 200 : 503;
    response.type = "application/json";
    response.body =
        json_text(pack("{s:s, s:b, s:O, s:O*}", "status", ready ? "ready" : "degraded", "ready",
                       static_cast<int>(ready), "reasons", reasons.get(), "reason", first));
    return response;
}

} // namespace

// A request that one of the doors has let in; of /metrics and /readyz, both.
struct SharedDoor::Shared final : Door::Admission {
    std::unique_ptr<Admission> own;
    std::unique_ptr<Admission> of_gateway;
};

Door &
SharedDoor::door_of(const Request &request) const
{
    const std::string_view path = path_of(request);
    return path.starts_with("/v1/") || path == "/healthz" ? gateway_ : api_;
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
    if (!shared.of_gateway)
        co_return response;
    const Response also = co_await gateway_.answer(*shared.of_gateway, request, client_gone);
    if (path_of(request) == "/readyz")
        co_return both_ready(response, also);
    response.body += also.body;
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
