// See mcp.hpp.
#include "mcp/mcp.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "mcp/tools.hpp"
#include "platform/error_table.hpp"

namespace sidecar
{
namespace
{

constexpr std::array versions = {"2025-06-18", "2025-03-26", "2024-11-05"}; // the newest first
constexpr Duration first_pause = std::chrono::milliseconds(20);
constexpr Duration max_pause = std::chrono::milliseconds(250);

enum class Code {
    parse_error = -32700,
    invalid_request = -32600,
    method_not_found = -32601,
    invalid_params = -32602,
};

bool
is_version(std::string_view version)
{
    return std::find(versions.begin(), versions.end(), version) != versions.end();
}

Response
message(const Json &id, const char *member, Json value)
{
    const Json body(
        json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id.get(), member, value.release()));
    Response response;
    response.body = json_text(body);
    return response;
}

Response
result(const Json &id, Json value)
{
    return message(id, "result", std::move(value));
}

Response
error(const Json &id, Code code, const std::string &text)
{
    Response response =
        message(id, "error",
                Json(json_pack("{s:i, s:o}", "code", static_cast<int>(code), "message",
                               json_of(cut_text(clean_text(text), 512)).release())));
    if (code == Code::parse_error)
        response.status = 400;
    return response;
}

Response
nothing()
{
    return Response{202, "", "application/json", false, {}};
}

Json
initialize(const json_t *params)
{
    const json_t *asked = json_object_get(params, "protocolVersion");
    const char *version = json_is_string(asked) && is_version(json_string_value(asked))
                              ? json_string_value(asked)
                              : versions.front();
    return Json(json_pack("{s:s, s:{s:{s:b}}, s:{s:s, s:s, s:s}, s:s}", "protocolVersion", version,
                          "capabilities", "tools", "listChanged", 0, "serverInfo", "name",
                          "appinfra", "title", "appinfra databases", "version", APPINFRA_VERSION,
                          "instructions",
                          "Managed PostgreSQL databases for apps. add_app_database provisions one "
                          "and has its DSN put "
                          "into the app's environment; the app gets it with its next deploy."));
}

Json
list_tools()
{
    Json list(json_array());
    for (const Tool &tool : tools())
        json_array_append_new(
            list.get(),
            json_pack("{s:s, s:s, s:s, s:o, s:{s:s, s:b, s:b, s:b, s:b}}", "name", tool.name,
                      "title", tool.title, "description", tool.description, "inputSchema",
                      schema_of(tool.fields).release(), "annotations", "title", tool.title,
                      "readOnlyHint", static_cast<int>(tool.read_only), "destructiveHint",
                      static_cast<int>(tool.destructive), "idempotentHint",
                      static_cast<int>(tool.idempotent), "openWorldHint", 0));
    return Json(json_pack("{s:o}", "tools", list.release()));
}

Json
tool_result(const Json &structured)
{
    return Json(json_pack("{s:[{s:s, s:o}], s:O, s:b}", "content", "type", "text", "text",
                          json_of(json_text(structured)).release(), "structuredContent",
                          structured.get(), "isError", 0));
}

Json
tool_error(const Problem &problem)
{
    std::string text = problem.title + ": " + problem.detail;
    if (!problem.hint.empty())
        text += "\nhint: " + problem.hint;
    return Json(json_pack("{s:[{s:s, s:o}], s:b}", "content", "type", "text", "text",
                          json_of(clean_text(text)).release(), "isError", 1));
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

// Runs one step of a tool; a refusal becomes the tool's error.
ToolResult
guarded(const std::function<ToolResult()> &step)
{
    try {
        return answering_by(use_case_errors, step);
    } catch (const Problem &problem) {
        return tool_error(problem);
    }
}

} // namespace

TaskResult
Mcp::answer(std::string_view text, const Caller &caller, const Session &session)
{
    if (!session.protocol.empty() && !is_version(session.protocol))
        throw Problem(400, "invalid_request", "this version of the protocol is not spoken here");
    Json request;
    try {
        request = parse_object(text);
    } catch (const Problem &problem) {
        return error(Json(json_null()), Code::parse_error, problem.detail);
    }
    const json_t *id = json_object_get(request.get(), "id");
    const Json own_id(id != nullptr ? json_deep_copy(id) : json_null());
    const auto method = string_member(request, "method");
    const bool valid_id = id == nullptr || json_is_string(id) || json_is_number(id);
    if (string_member(request, "jsonrpc") != "2.0" || !valid_id)
        return error(Json(json_null()), Code::invalid_request, "not a JSON-RPC 2.0 message");
    if (!method) // a response to something; nothing was asked
        return nothing();
    const json_t *params = json_object_get(request.get(), "params");
    if (id == nullptr) {
        if (*method == "notifications/cancelled")
            cancel(key_of(json_object_get(params, "requestId"), caller, session.id));
        return nothing();
    }
    if (*method == "initialize") {
        Response response = result(own_id, initialize(params));
        response.headers["Mcp-Session-Id"] = random_uuid();
        return response;
    }
    if (*method == "ping")
        return result(own_id, Json(json_object()));
    if (*method == "tools/list")
        return result(own_id, list_tools());
    if (*method == "tools/call")
        return call_tool(own_id, params, caller, session.id);
    return error(own_id, Code::method_not_found, "there is no method " + *method);
}

TaskResult
Mcp::call_tool(const Json &id, const json_t *params, const Caller &caller, std::string_view session)
{
    const Tool *tool = find_tool(params);
    if (tool == nullptr)
        return error(id, Code::invalid_params, "there is no such tool; tools/list names them");
    const json_t *arguments = json_object_get(params, "arguments");
    if (arguments != nullptr && !json_is_object(arguments))
        return error(id, Code::invalid_params, "the arguments must be an object");
    auto call = std::make_shared<ToolCall>();
    call->caller = caller;
    call->publishes = settings_.publishes;
    try {
        call->input = Input(arguments, tool->fields);
    } catch (const Problem &problem) {
        return result(id, tool_error(problem));
    }
    auto running = std::make_shared<Running>(Running{Json(json_deep_copy(id.get())),
                                                     key_of(id.get(), caller, session),
                                                     std::make_shared<std::atomic<bool>>(false)});
    {
        const std::lock_guard lock(mutex_);
        running_[running->key] = running->cancelled;
    }
    const TimePoint deadline = clock_.now() + settings_.wait;
    // Goes on asking until there is a result.
    struct Asking {
        static TaskResult
        step(Mcp &mcp, const std::shared_ptr<Running> &running, ToolResult found,
             TimePoint deadline, Duration pause)
        {
            if (auto *value = std::get_if<Json>(&found))
                return mcp.ended(*running, std::move(*value));
            auto poll = std::make_shared<Poll>(std::get<Poll>(std::move(found)));
            return Task{[&mcp, running, poll, deadline, pause](Database &database) -> TaskResult {
                            const bool last = mcp.clock_.now() >= deadline || *running->cancelled;
                            ToolResult next = guarded([&]() -> ToolResult {
                                auto value = (*poll)(database, last);
                                if (value)
                                    return tool_result(*value);
                                return *poll;
                            });
                            return step(mcp, running, std::move(next), deadline,
                                        std::min(pause * 2, max_pause));
                        },
                        false, pause};
        }
    };
    return Task{[this, tool, call, running, deadline](Database &database) -> TaskResult {
                    ToolResult found = guarded([&]() -> ToolResult {
                        ToolResult first = tool->run(database, *call);
                        if (auto *value = std::get_if<Json>(&first))
                            return tool_result(*value);
                        return first;
                    });
                    return Asking::step(*this, running, std::move(found), deadline, first_pause);
                },
                !tool->read_only, Duration(0)};
}

// The response of a call; nothing is said when it was cancelled meanwhile.
Response
Mcp::ended(const Running &running, Json value)
{
    {
        const std::lock_guard lock(mutex_);
        running_.erase(running.key);
    }
    if (*running.cancelled)
        return nothing();
    Response response = result(running.id, std::move(value));
    response.secret = !settings_.publishes;
    return response;
}

void
Mcp::cancel(const std::string &key)
{
    const std::lock_guard lock(mutex_);
    if (const auto found = running_.find(key); found != running_.end())
        *found->second = true;
}

std::string
Mcp::key_of(const json_t *id, const Caller &caller, std::string_view session)
{
    const Json copy(id != nullptr ? json_deep_copy(id) : json_null());
    return std::string(session) + "\n" + caller.user + "\n" + json_text(copy);
}

} // namespace sidecar
