// The tools of /v1/mcp: what each is told of, and what runs it. All that touches a workspace goes
// through the service, so it is limited, audited and run once as any other call.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "gateway/json_view.hpp"
#include "gateway/service.hpp"

namespace sidecar::gateway
{

// One call of a tool.
struct ToolUse {
    const Caller &caller;
    JsonView arguments; // an object; valid as long as the request's body
    const bool &client_gone;
};

class McpTools
{
public:
    explicit McpTools(Service &service) : service_(service)
    {
    }

    struct Tool {
        const char *name;
        const char *title;
        const char *description;
        const char *properties; // of its input, a JSON object
        const char *required;   // names, a JSON array
        bool read_only;
        bool destructive;
        bool idempotent;
        asio::awaitable<Response> (McpTools::*run)(const ToolUse &);
    };

    // The tool of this name; null: there is none.
    static const Tool *find(std::string_view name);

    // What tools/list says, as JSON.
    static const std::string &list();

    // Runs a tool, and returns its result as MCP has it, as JSON. A tool that is refused has one,
    // too. charge is called before, and may throw a Problem.
    asio::awaitable<std::string> run(const Tool &tool, const ToolUse &use,
                                     const std::function<void()> &charge);

private:
    static std::span<const Tool> tools();
    asio::awaitable<Response> execute_sql(const ToolUse &use);
    asio::awaitable<Response> call_procedure(const ToolUse &use);
    asio::awaitable<Response> list_tables(const ToolUse &use);
    asio::awaitable<Response> describe_table(const ToolUse &use);
    asio::awaitable<Response> search_vectors(const ToolUse &use);
    asio::awaitable<Response> upsert_vectors(const ToolUse &use);
    asio::awaitable<Response> who_am_i(const ToolUse &use);
    asio::awaitable<Response> health(const ToolUse &use);
    asio::awaitable<Response> execute(const ToolUse &use, const std::string &body);

    Service &service_;
};

// A response of the service as the result of a tool: its JSON as text and as structured content; a
// refusal as "<title>: <detail>", and the hint below.
std::string tool_result(const Response &response);

} // namespace sidecar::gateway
