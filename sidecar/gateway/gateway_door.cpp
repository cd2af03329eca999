// See gateway_door.hpp.
#include "gateway/gateway_door.hpp"

#include <algorithm>
#include <utility>

#include "gateway/request_head.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr std::size_t max_unsent = 64UL * 1024 * 1024; // bytes of answers that are being sent
constexpr std::string_view realm = "Bearer realm=\"agentcoopdb\"";

// Whether nothing of what is said of the request may be stored.
bool
is_statement(const Request &request)
{
    const std::string_view path = path_of(request);
    return path.starts_with("/v1/sql/") || path.starts_with("/v1/rpc/");
}

} // namespace

GatewayDoor::GatewayDoor(Service &service, DoorSettings settings, const Clock &clock)
    : service_(service), settings_(std::move(settings)), clock_(clock),
      limit_(settings_.rate, settings_.burst),
      routes_(service, settings_.mcp, [this](const Admitted &admitted) {
          limit(admitted.user, admitted.caller.key.id, admitted.caller.address);
      })
{
}

// Whether a page of the request's origin may call.
bool
GatewayDoor::may_call(const Request &request) const
{
    const std::string origin(request.header("origin"));
    return !origin.empty() && std::find(settings_.origins.begin(), settings_.origins.end(),
                                        origin) != settings_.origins.end();
}

std::unique_ptr<Door::Admission>
GatewayDoor::admit(const Request &request)
{
    auto admitted = std::make_unique<Admitted>();
    admitted->caller.request_id = request_id_of(request);
    admitted->caller.address = client_address_of(request, request.address, settings_.trust_proxy);
    if (request.method == "OPTIONS" && may_call(request)) {
        admitted->route = &Routes::preflight();
        return admitted;
    }
    admitted->route = &routes_.find(request, admitted->name);
    if (!admitted->route->needs_key)
        return admitted;
    const auto key = parse_api_key(key_in_header(request.header("authorization")));
    const bool seen = key && service_.has_seen(*key);
    admitted->user = seen ? "key " + key->id : "address " + admitted->caller.address;
    limit(admitted->user, seen ? key->id : "", admitted->caller.address);
    if (!key)
        throw Problem(401, "missing_or_invalid_api_key",
                      "an API key is needed: Authorization: Bearer acd_...");
    admitted->key = *key;
    return admitted;
}

// Takes the request from what a key, or an address without one, may make.
void
GatewayDoor::limit(const std::string &user, const std::string &key_id, const std::string &address)
{
    const int wait = limit_.take(user, clock_.now());
    if (wait == 0)
        return;
    service_.reports().refused("rate", key_id, address);
    Problem problem(429, "rate_limited", "too many requests");
    problem.retry_after = wait;
    throw problem;
}

asio::awaitable<Response>
GatewayDoor::answer(Admission &admission, const Request &request, const bool &client_gone)
{
    auto &admitted = static_cast<Admitted &>(admission);
    const Route &route = *admitted.route;
    if (request.body.size() > settings_.request_bytes)
        throw Problem(413, "body_too_large",
                      "a body has at most " + std::to_string(settings_.request_bytes) + " bytes");
    if (request.method == "POST" && !request.body.empty() && !has_json(request))
        throw Problem(415, "unsupported_media_type", "the body must be application/json");
    if (route.needs_key) {
        const bool was_seen = service_.has_seen(admitted.key);
        admitted.caller.key =
            co_await service_.authenticate(admitted.key, admitted.caller.address, route.fresh);
        if (!was_seen) {
            admitted.user = "key " + admitted.key.id;
            limit(admitted.user, admitted.key.id, admitted.caller.address);
        }
    }
    if (*unsent_ > max_unsent)
        throw unavailable("overloaded", "too many answers wait for clients that do not read them");
    Response response = co_await routes_.answer(admitted, request, client_gone);
    admitted.unsent = unsent_;
    admitted.bytes = response.body.size();
    *unsent_ += admitted.bytes;
    if (route.no_store)
        response.secret = true;
    add_headers(response, request, &admitted);
    co_return response;
}

Response
GatewayDoor::refuse(const Problem &problem, const Request &request, const Admission *admission)
{
    Response response = response_of(problem);
    if (problem.status == 401)
        response.headers["WWW-Authenticate"] = realm;
    const auto *admitted = static_cast<const Admitted *>(admission);
    if (admitted != nullptr ? admitted->route->no_store : is_statement(request))
        response.secret = true;
    add_headers(response, request, admitted);
    return response;
}

void
GatewayDoor::add_headers(Response &response, const Request &request, const Admitted *admitted) const
{
    response.headers["X-Request-Id"] =
        admitted != nullptr ? admitted->caller.request_id : request_id_of(request);
    const std::string user =
        admitted != nullptr && !admitted->user.empty()
            ? admitted->user
            : "address " + client_address_of(request, request.address, settings_.trust_proxy);
    response.headers["X-RateLimit-Limit"] =
        std::to_string(static_cast<std::size_t>(settings_.burst));
    response.headers["X-RateLimit-Remaining"] = std::to_string(limit_.left(user, clock_.now()));
    if (may_call(request)) {
        response.headers["Access-Control-Allow-Origin"] = request.header("origin");
        response.headers["Vary"] = "Origin";
        response.headers["Access-Control-Expose-Headers"] =
            "X-Request-Id, X-RateLimit-Limit, X-RateLimit-Remaining, X-Idempotent-Replayed, "
            "Retry-After";
    }
}

void
GatewayDoor::answered(const Admission *admission, const Request &request, const Response &response,
                      double seconds)
{
    const auto *admitted = static_cast<const Admitted *>(admission);
    const bool known = admitted != nullptr;
    service_.metrics().answered(known ? admitted->route->path : "none",
                                known ? request.method : "-", response.status, seconds);
}

void
GatewayDoor::connections(std::size_t)
{
}

void
GatewayDoor::close()
{
    service_.close();
}

bool
GatewayDoor::idle() const
{
    return service_.idle();
}

} // namespace sidecar::gateway
