// See mcp.hpp.
#include "mcp/mcp.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "mcp/rpc.hpp"
#include "mcp/tool_run.hpp"
#include "mcp/tools.hpp"
#include "platform/problem.hpp"

namespace sidecar
{
namespace
{

constexpr std::array versions = {"2025-06-18", "2025-03-26", "2024-11-05"}; // the newest first

bool
is_version(std::string_view version)
{
    return std::find(versions.begin(), versions.end(), version) != versions.end();
}

Json
describe(const Tool &tool)
{
    return pack("{s:s, s:s, s:s, s:o, s:{s:s, s:b, s:b, s:b, s:b}}", "name", tool.name, "title",
                tool.title, "description", tool.description, "inputSchema",
                schema_of(tool.fields).release(), "annotations", "title", tool.title,
                "readOnlyHint", static_cast<int>(tool.read_only), "destructiveHint",
                static_cast<int>(tool.destructive), "idempotentHint",
                static_cast<int>(tool.idempotent), "openWorldHint", 0);
}

const Tool *
find_tool(const json_t *params)
{
    const json_t *name = json_object_get(params, "name");
    for (const Tool &tool : tools())
        if (json_is_string(name) && std::string_view(json_string_value(name)) == tool.name)
            return &tool;
    return nullptr;
}

Json
copy_of(const json_t *id)
{
    return Json(id != nullptr ? json_deep_copy(id) : json_null());
}

} // namespace

// A request that asks for something, taken apart.
struct Mcp::Call {
    Json id;
    const json_t *params;
    const Caller &caller;
    const Session &session;
};

struct Mcp::Method {
    std::string_view name;
    TaskResult (Mcp::*answer)(const Call &);
};

TaskResult
Mcp::answer(std::string_view text, const Caller &caller, const Session &session)
{
    if (!session.protocol.empty() && !is_version(session.protocol))
        throw Problem(400, "invalid_request", "this version of the protocol is not spoken here");
    Json request;
    try {
        request = parse_object(text);
    } catch (const Problem &problem) {
        return rpc::error(copy_of(nullptr), rpc::Code::parse_error, problem.detail);
    }
    const json_t *id = json_object_get(request.get(), "id");
    const bool valid_id = id == nullptr || json_is_string(id) || json_is_number(id);
    if (string_member(request, "jsonrpc") != "2.0" || !valid_id)
        return rpc::error(copy_of(nullptr), rpc::Code::invalid_request,
                          "not a JSON-RPC 2.0 message");
    const auto method = string_member(request, "method");
    if (!method) // a response to something; nothing was asked
        return rpc::nothing();
    const Call call{copy_of(id), json_object_get(request.get(), "params"), caller, session};
    if (id != nullptr)
        return call_method(*method, call);
    if (*method == "notifications/cancelled")
        calls_->cancel(key_of(json_object_get(call.params, "requestId"), call));
    return rpc::nothing();
}

TaskResult
Mcp::call_method(std::string_view name, const Call &call)
{
    static constexpr Method methods[] = {
        {"initialize", &Mcp::initialize},
        {"ping", &Mcp::ping},
        {"tools/list", &Mcp::list_tools},
        {"tools/call", &Mcp::call_tool},
    };
    for (const Method &method : methods)
        if (method.name == name)
            return (this->*method.answer)(call);
    return rpc::error(call.id, rpc::Code::method_not_found,
                      "there is no method " + std::string(name));
}

TaskResult
Mcp::initialize(const Call &call)
{
    const json_t *asked = json_object_get(call.params, "protocolVersion");
    const char *version = json_is_string(asked) && is_version(json_string_value(asked))
                              ? json_string_value(asked)
                              : versions.front();
    Response response = rpc::result(
        call.id,
        pack("{s:s, s:{s:{s:b}}, s:{s:s, s:s, s:s}, s:s}", "protocolVersion", version,
             "capabilities", "tools", "listChanged", 0, "serverInfo", "name", "appinfra", "title",
             "appinfra databases", "version", APPINFRA_VERSION, "instructions",
             "Managed PostgreSQL databases for apps. add_app_database provisions one and has its "
             "DSN put into the app's environment; the app gets it with its next deploy."));
    response.headers["Mcp-Session-Id"] = random_uuid();
    return response;
}

TaskResult
Mcp::ping(const Call &call)
{
    return rpc::result(call.id, Json(json_object()));
}

TaskResult
Mcp::list_tools(const Call &call)
{
    Json list(json_array());
    for (const Tool &tool : tools())
        json_array_append_new(list.get(), describe(tool).release());
    return rpc::result(call.id, pack("{s:o}", "tools", list.release()));
}

TaskResult
Mcp::call_tool(const Call &call)
{
    const Tool *tool = find_tool(call.params);
    if (tool == nullptr)
        return rpc::error(call.id, rpc::Code::invalid_params,
                          "there is no such tool; tools/list names them");
    const json_t *arguments = json_object_get(call.params, "arguments");
    if (arguments != nullptr && !json_is_object(arguments))
        return rpc::error(call.id, rpc::Code::invalid_params, "the arguments must be an object");
    try {
        return std::make_shared<ToolRun>(
                   ToolRun::Parts{tool,
                                  {call.caller, Input(arguments, tool->fields), settings_.publishes,
                                   settings_.publishes_buckets, settings_.store},
                                  copy_of(call.id.get()),
                                  calls_,
                                  key_of(call.id.get(), call),
                                  &clock_,
                                  clock_.now() + settings_.wait})
            ->start();
    } catch (const Problem &problem) {
        return rpc::result(call.id, tool_error(problem));
    }
}

// A caller can cancel only what it asked for itself, in the same session.
std::string
Mcp::key_of(const json_t *id, const Call &call)
{
    return std::string(call.session.id) + "\n" + call.caller.user + "\n" + json_text(copy_of(id));
}

} // namespace sidecar
