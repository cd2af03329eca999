// The Model Context Protocol at /v1/mcp: JSON-RPC messages of a key in, a response out. Nothing of
// a session is kept. What a message holds is looked at where it stands (json_view.hpp), so that
// parameters keep their digits.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "gateway/mcp_tools.hpp"
#include "gateway/service.hpp"

namespace sidecar::gateway
{

class McpServer
{
public:
    explicit McpServer(Service &service) : tools_(service)
    {
    }

    struct Asked {
        const Caller &caller;
        std::string_view protocol;    // the version that the client says it speaks; empty: none
        std::function<void()> charge; // takes one more request from the caller's rate; may throw
        const bool &client_gone;
    };

    // Answers a message or, in versions that have them, a batch. Throws a Problem for a version
    // that is not spoken here.
    asio::awaitable<Response> answer(const Asked &asked, const std::string &body);

private:
    asio::awaitable<Response> answer_batch(const Asked &asked, JsonView batch);
    asio::awaitable<std::string> answer_message(const Asked &asked, JsonView message,
                                                bool is_further);
    asio::awaitable<std::string> call_tool(const Asked &asked, std::string_view id,
                                           std::optional<JsonView> params, bool is_further);

    McpTools tools_;
};

} // namespace sidecar::gateway
