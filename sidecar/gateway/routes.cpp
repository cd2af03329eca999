// See routes.hpp.
#include "gateway/routes.hpp"

#include <utility>

#include "base/text.hpp"
#include "gateway/build.hpp"
#include "gateway/json_text.hpp"
#include "gateway/request_head.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr std::size_t key_id_size = 16; // so that no other name in a path is taken for one

} // namespace

const std::vector<Route> &
Routes::all()
{
    static const std::vector<Route> rows = {
        {"POST", "/v1/sql/execute", &Routes::execute, true, false, true},
        {"POST", "/v1/rpc/call", &Routes::call, true, false, true},
        {"POST", "/v1/auth/keys", &Routes::mint, true, true, true},
        {"GET", "/v1/auth/keys", &Routes::list, true, true, false},
        {"POST", "/v1/auth/keys/rotate", &Routes::rotate, true, true, true},
        {"DELETE", "/v1/auth/keys/{key_id}", &Routes::revoke, true, true, false},
        {"POST", "/v1/mcp", &Routes::mcp, true, true, true},
        {"GET", "/v1/me", &Routes::me, true, true, false},
        {"GET", "/healthz", &Routes::health, false, false, false},
        {"GET", "/readyz", &Routes::readiness, false, false, false},
        {"GET", "/metrics", &Routes::metrics, false, false, false},
    };
    return rows;
}

Routes::Routes(Service &service, bool with_mcp, std::function<void(const Admitted &)> limit)
    : service_(service), with_mcp_(with_mcp), limit_(std::move(limit)), mcp_(service)
{
}

const Route &
Routes::find(const Request &request, std::string &name) const
{
    const std::string path(path_of(request));
    std::string allowed;
    for (const Route &route : all()) {
        if (route.answer == &Routes::mcp && !with_mcp_)
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

const Route &
Routes::preflight()
{
    static const Route route = {"OPTIONS", "preflight", &Routes::allow, false, false, false};
    return route;
}

asio::awaitable<Response>
Routes::answer(Admitted &admitted, const Request &request, const bool &client_gone)
{
    return (this->*admitted.route->answer)(admitted, request, client_gone);
}

asio::awaitable<Response>
Routes::execute(Admitted &admitted, const Request &request, const bool &client_gone)
{
    const Service::Once once{idempotency_key_of(request), request_hash_of(request)};
    co_return co_await service_.execute_sql(admitted.caller, request.body, once, client_gone);
}

asio::awaitable<Response>
Routes::call(Admitted &admitted, const Request &request, const bool &client_gone)
{
    const Service::Once once{idempotency_key_of(request), request_hash_of(request)};
    co_return co_await service_.call_procedure(admitted.caller, request.body, once, client_gone);
}

asio::awaitable<Response>
Routes::mcp(Admitted &admitted, const Request &request, const bool &client_gone)
{
    const McpServer::Asked asked{admitted.caller, request.header("mcp-protocol-version"),
                                 [this, &admitted] { limit_(admitted); }, client_gone};
    co_return co_await mcp_.answer(asked, request.body);
}

asio::awaitable<Response>
Routes::mint(Admitted &admitted, const Request &request, const bool &)
{
    const Service::Once once{idempotency_key_of(request), {}};
    co_return co_await service_.mint_key(admitted.caller, request.body, once);
}

asio::awaitable<Response>
Routes::rotate(Admitted &admitted, const Request &request, const bool &)
{
    return service_.rotate_key(admitted.caller, request.body);
}

asio::awaitable<Response>
Routes::list(Admitted &admitted, const Request &, const bool &)
{
    return service_.list_keys(admitted.caller);
}

asio::awaitable<Response>
Routes::revoke(Admitted &admitted, const Request &, const bool &)
{
    return service_.revoke_key(admitted.caller, admitted.name);
}

asio::awaitable<Response>
Routes::me(Admitted &admitted, const Request &, const bool &)
{
    co_return service_.describe(admitted.caller);
}

// What a browser asks before it lets a page call.
asio::awaitable<Response>
Routes::allow(Admitted &, const Request &, const bool &)
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
Routes::health(Admitted &, const Request &, const bool &)
{
    Response response;
    response.body = R"({"status":"ok","version":)" + build_json() + "}";
    co_return response;
}

asio::awaitable<Response>
Routes::readiness(Admitted &, const Request &, const bool &)
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
Routes::metrics(Admitted &, const Request &, const bool &)
{
    Response response;
    response.body = co_await service_.metrics_text();
    response.type = "text/plain; version=0.0.4; charset=utf-8";
    co_return response;
}

} // namespace sidecar::gateway
