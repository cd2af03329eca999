// What the gateway answers at which path: the table of its routes, and what is asked of the service
// for each.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/mcp_server.hpp"
#include "gateway/service.hpp"
#include "platform/door.hpp"

namespace sidecar::gateway
{

class Routes;
struct Route;

// A request that was let in.
struct Admitted final : Door::Admission {
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

class Routes
{
public:
    // limit: takes one more call of a batch from what a key may make.
    Routes(Service &service, bool with_mcp, std::function<void(const Admitted &)> limit);

    // Returns the route of a request, and the name in its path. Throws a Problem.
    const Route &find(const Request &request, std::string &name) const;

    // Returns that of what a browser asks before it lets a page call.
    static const Route &preflight();

    // Answers a request by its route. Throws a Problem.
    asio::awaitable<Response> answer(Admitted &admitted, const Request &request,
                                     const bool &client_gone);

private:
    static const std::vector<Route> &all();
    asio::awaitable<Response> execute(Admitted &admitted, const Request &request,
                                      const bool &client_gone);
    asio::awaitable<Response> call(Admitted &admitted, const Request &request,
                                   const bool &client_gone);
    asio::awaitable<Response> mcp(Admitted &admitted, const Request &request,
                                  const bool &client_gone);
    asio::awaitable<Response> mint(Admitted &admitted, const Request &request,
                                   const bool &client_gone);
    asio::awaitable<Response> rotate(Admitted &admitted, const Request &request,
                                     const bool &client_gone);
    asio::awaitable<Response> list(Admitted &admitted, const Request &request,
                                   const bool &client_gone);
    asio::awaitable<Response> revoke(Admitted &admitted, const Request &request,
                                     const bool &client_gone);
    asio::awaitable<Response> me(Admitted &admitted, const Request &request,
                                 const bool &client_gone);
    asio::awaitable<Response> allow(Admitted &admitted, const Request &request,
                                    const bool &client_gone);
    asio::awaitable<Response> health(Admitted &admitted, const Request &request,
                                     const bool &client_gone);
    asio::awaitable<Response> readiness(Admitted &admitted, const Request &request,
                                        const bool &client_gone);
    asio::awaitable<Response> metrics(Admitted &admitted, const Request &request,
                                      const bool &client_gone);

    Service &service_;
    bool with_mcp_;
    std::function<void(const Admitted &)> limit_;
    McpServer mcp_;
};

struct Route {
    const char *method;
    const char *path; // with {key_id} for one name
    asio::awaitable<Response> (Routes::*answer)(Admitted &, const Request &, const bool &);
    bool needs_key;
    bool fresh; // the key is looked up, and has to be active
    bool no_store;
};

} // namespace sidecar::gateway
