// See gateway_door.hpp.
#include "gateway/gateway_door.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "gateway/json_text.hpp"
#include "gateway/request_head.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr std::size_t key_id_size = 16; // so that no other name in a path is taken for one
constexpr std::size_t max_unsent = 64UL * 1024 * 1024; // bytes of answers that are being sent
constexpr std::string_view realm = "Bearer realm=\"agentcoopdb\"";

} // namespace

struct GatewayDoor::Route {
    const char *method;
    const char *path; // with {key_id} for one name
    asio::awaitable<Response> (GatewayDoor::*answer)(Admitted &, const Request &, const bool &);
    bool needs_key;
    bool fresh; // the key is looked up, and has to be active
    bool no_store;
};

struct GatewayDoor::Admitted final : Door::Admission {
    const Route *route = nullptr;
    std::string name; // in the path
    ApiKey key;
    Caller caller;
    std::string user; // whose rate it is: a key's or an address's
    // The bytes of its answer, among those that are not sent yet.
    std::shared_ptr<std::size_t> unsent;
    std::size_t bytes = 0;

    ~Admitted() override
    {
        if (unsent)
            *unsent -= bytes;
    }
};

const std::vector<GatewayDoor::Route> &
GatewayDoor::routes()
{
    static const std::vector<Route> all = {
        {"POST", "/v1/sql/execute", &GatewayDoor::execute, true, false, true},
        {"POST", "/v1/rpc/call", &GatewayDoor::call, true, false, true},
        {"POST", "/v1/auth/keys", &GatewayDoor::mint, true, true, true},
        {"GET", "/v1/auth/keys", &GatewayDoor::list, true, true, false},
        {"POST", "/v1/auth/keys/rotate", &GatewayDoor::rotate, true, true, true},
        {"DELETE", "/v1/auth/keys/{key_id}", &GatewayDoor::revoke, true, true, false},
        {"POST", "/v1/mcp", &GatewayDoor::mcp, true, true, true},
        {"GET", "/v1/me", &GatewayDoor::me, true, true, false},
        {"GET", "/healthz", &GatewayDoor::health, false, false, false},
        {"GET", "/readyz", &GatewayDoor::readiness, false, false, false},
        {"GET", "/metrics", &GatewayDoor::metrics, false, false, false},
    };
    return all;
}

GatewayDoor::GatewayDoor(Service &service, DoorSettings settings, const Clock &clock)
    : service_(service), settings_(std::move(settings)), clock_(clock),
      limit_(settings_.rate, settings_.burst), mcp_(service)
{
}

// Finds the route of a request, and the name in its path. Throws a Problem.
const GatewayDoor::Route &
GatewayDoor::find_route(const Request &request, std::string &name) const
{
    const std::string path(path_of(request));
    std::string allowed;
    for (const Route &route : routes()) {
        if (route.answer == &GatewayDoor::mcp && !settings_.mcp)
            continue;
        const std::string_view pattern = route.path;
        const std::size_t variable = pattern.find('{');
        const bool fits = variable == std::string_view::npos
                              ? path == pattern
                              : path.size() == variable + key_id_size &&
                                    path.starts_with(pattern.substr(0, variable));
        if (!fits)
            continue;
        if (request.method != route.method) {
            allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
            continue;
        }
        if (variable != std::string_view::npos)
            name = path.substr(variable);
        return route;
    }
    if (allowed.empty())
        throw not_found("there is no such path");
    Problem problem(405, "method_not_allowed", "this path does not take " + request.method);
    problem.hint = allowed;
    throw problem;
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
    static const Route preflight = {"OPTIONS", "preflight", &GatewayDoor::preflight,
                                    false,     false,       false};
    if (request.method == "OPTIONS" && may_call(request)) {
        admitted->route = &preflight;
        return admitted;
    }
    admitted->route = &find_route(request, admitted->name);
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
    Response response = co_await (this->*route.answer)(admitted, request, client_gone);
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
    if (admitted != nullptr && admitted->route->no_store)
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

asio::awaitable<Response>
GatewayDoor::execute(Admitted &admitted, const Request &request, const bool &client_gone)
{
    const Service::Once once{idempotency_key_of(request), request_hash_of(request)};
    co_return co_await service_.execute_sql(admitted.caller, request.body, once, client_gone);
}

asio::awaitable<Response>
GatewayDoor::call(Admitted &admitted, const Request &request, const bool &client_gone)
{
    const Service::Once once{idempotency_key_of(request), request_hash_of(request)};
    co_return co_await service_.call_procedure(admitted.caller, request.body, once, client_gone);
}

asio::awaitable<Response>
GatewayDoor::mcp(Admitted &admitted, const Request &request, const bool &client_gone)
{
    const McpServer::Asked asked{admitted.caller, request.header("mcp-protocol-version"),
                                 [this, &admitted] {
                                     limit(admitted.user, admitted.caller.key.id,
                                           admitted.caller.address);
                                 },
                                 client_gone};
    co_return co_await mcp_.answer(asked, request.body);
}

asio::awaitable<Response>
GatewayDoor::mint(Admitted &admitted, const Request &request, const bool &)
{
    const Service::Once once{idempotency_key_of(request), {}};
    co_return co_await service_.mint_key(admitted.caller, request.body, once);
}

asio::awaitable<Response>
GatewayDoor::rotate(Admitted &admitted, const Request &request, const bool &)
{
    return service_.rotate_key(admitted.caller, request.body);
}

asio::awaitable<Response>
GatewayDoor::list(Admitted &admitted, const Request &, const bool &)
{
    return service_.list_keys(admitted.caller);
}

asio::awaitable<Response>
GatewayDoor::revoke(Admitted &admitted, const Request &, const bool &)
{
    return service_.revoke_key(admitted.caller, admitted.name);
}

asio::awaitable<Response>
GatewayDoor::me(Admitted &admitted, const Request &, const bool &)
{
    co_return service_.describe(admitted.caller);
}

// What a browser asks before it lets a page call.
asio::awaitable<Response>
GatewayDoor::preflight(Admitted &, const Request &, const bool &)
{
    Response response;
    response.status = 204;
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE";
    response.headers["Access-Control-Allow-Headers"] =
        "Authorization, Content-Type, Idempotency-Key, X-Request-Id, MCP-Protocol-Version";
    response.headers["Access-Control-Max-Age"] = "600";
    co_return response;
}

asio::awaitable<Response>
GatewayDoor::health(Admitted &, const Request &, const bool &)
{
    Response response;
    response.body = R"({"status":"ok","version":)" + build_json() + "}";
    co_return response;
}

asio::awaitable<Response>
GatewayDoor::readiness(Admitted &, const Request &, const bool &)
{
    const std::vector<std::string> reasons = co_await service_.reasons();
    Response response;
    std::string list;
    for (const std::string &reason : reasons) {
        list += list.empty() ? "" : ",";
        append_json_string(list, clean_text(reason));
    }
    response.status = reasons.empty() ? 200 : 503;
    response.body = reasons.empty() ? R"({"status":"ready","ready":true,"reasons":[]})"
                                    : R"({"status":"degraded","ready":false,"reasons":[)" + list +
                                          R"(],"reason":)";
    if (!reasons.empty()) {
        append_json_string(response.body, clean_text(reasons.front()));
        response.body += "}";
    }
    co_return response;
}

asio::awaitable<Response>
GatewayDoor::metrics(Admitted &, const Request &, const bool &)
{
    Response response;
    response.body = service_.metrics_text();
    response.type = "text/plain; version=0.0.4; charset=utf-8";
    co_return response;
}

} // namespace sidecar::gateway
