// See mcp_server.hpp.
#include "gateway/mcp_server.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "gateway/json_text.hpp"
#include "mcp/rpc.hpp"
#include "platform/problem.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr std::array versions = {"2025-06-18", "2025-03-26", "2024-11-05"}; // the newest first
constexpr std::size_t max_batch = 50;
constexpr std::size_t max_batch_answer = 16UL * 1024 * 1024; // bytes, after which no more is run

bool
is_version(std::string_view version)
{
    return std::find(versions.begin(), versions.end(), version) != versions.end();
}

// The string that a member is; nothing when it is none.
std::optional<std::string>
text_member(std::optional<JsonView> object, const char *name)
{
    if (!object || object->kind() != JsonView::Kind::object)
        return std::nullopt;
    const auto member = object->member(name);
    if (!member || member->kind() != JsonView::Kind::string)
        return std::nullopt;
    return member->text();
}

std::string
initialize(std::string_view id, std::optional<JsonView> params)
{
    const std::string asked = text_member(params, "protocolVersion").value_or("");
    const std::string version = is_version(asked) ? asked : versions.front();
    return rpc::result_text(
        id, R"({"protocolVersion":")" + version +
                R"(","capabilities":{"tools":{"listChanged":false}},"serverInfo":{"name":)"
                R"("appinfra-gateway","title":"SQL of a workspace","version":")" APPINFRA_VERSION
                R"("},"instructions":"A PostgreSQL database of your own: sql_execute runs one )"
                R"(statement, list_tables and describe_table say what is there."})");
}

// The error of a message that has no id, or none that can be read.
std::string
without_id(rpc::Code code, const std::string &text)
{
    return rpc::error_text("null", code, text);
}

Response
response_with(std::string body)
{
    if (body.empty())
        return rpc::nothing();
    Response response;
    response.body = std::move(body);
    return response;
}

} // namespace

asio::awaitable<Response>
McpServer::answer(const Asked &asked, const std::string &body)
{
    if (!asked.protocol.empty() && !is_version(asked.protocol))
        throw Problem(400, "invalid_field", "this version of the protocol is not spoken here");
    if (!is_utf8(body) || !is_json_text(body)) {
        Response response =
            response_with(without_id(rpc::Code::parse_error, "the body is not valid JSON"));
        response.status = 400;
        co_return response;
    }
    const JsonView message(body);
    if (message.kind() == JsonView::Kind::array)
        co_return co_await answer_batch(asked, message);
    co_return response_with(co_await answer_message(asked, message, false));
}

// One after the other, as they may depend on each other.
asio::awaitable<Response>
McpServer::answer_batch(const Asked &asked, JsonView batch)
{
    std::vector<JsonView> messages;
    batch.each_item([&](JsonView item) {
        messages.push_back(item);
        return messages.size() <= max_batch;
    });
    if (asked.protocol == versions.front())
        co_return response_with(
            without_id(rpc::Code::invalid_request, "this version of the protocol has no batches"));
    if (messages.empty() || messages.size() > max_batch)
        co_return response_with(
            without_id(rpc::Code::invalid_request,
                       "a batch has 1 to " + std::to_string(max_batch) + " messages"));
    std::string answers;
    bool is_further = false;
    for (const JsonView message : messages) {
        std::string answer =
            without_id(rpc::Code::internal_error, "the answers of the batch are too large");
        if (answers.size() < max_batch_answer)
            answer = co_await answer_message(asked, message, is_further);
        is_further = true;
        if (!answer.empty())
            answers.append(answers.empty() ? "" : ",").append(answer);
    }
    co_return response_with(answers.empty() ? "" : "[" + answers + "]");
}

// The text of the answer; empty: there is nothing to be said. is_further: a message of the same
// request came before.
asio::awaitable<std::string>
McpServer::answer_message(const Asked &asked, JsonView message, bool is_further)
{
    const bool is_object = message.kind() == JsonView::Kind::object;
    const auto id = is_object ? message.member("id") : std::nullopt;
    const bool valid_id =
        !id || id->kind() == JsonView::Kind::string || id->kind() == JsonView::Kind::number;
    if (text_member(message, "jsonrpc") != "2.0" || !valid_id)
        co_return without_id(rpc::Code::invalid_request, "not a JSON-RPC 2.0 message");
    const auto method = text_member(message, "method");
    if (!method || !id) // a response to something, or a notification
        co_return "";
    const auto params = message.member("params");
    if (*method == "initialize")
        co_return initialize(id->raw(), params);
    if (*method == "ping")
        co_return rpc::result_text(id->raw(), "{}");
    if (*method == "tools/list")
        co_return rpc::result_text(id->raw(), McpTools::list());
    if (*method == "tools/call")
        co_return co_await call_tool(asked, id->raw(), params, is_further);
    co_return rpc::error_text(id->raw(), rpc::Code::method_not_found,
                              "there is no method " + *method);
}

asio::awaitable<std::string>
McpServer::call_tool(const Asked &asked, std::string_view id, std::optional<JsonView> params,
                     bool is_further)
{
    const McpTools::Tool *tool = McpTools::find(text_member(params, "name").value_or(""));
    if (tool == nullptr)
        co_return rpc::error_text(id, rpc::Code::invalid_params,
                                  "there is no such tool; tools/list names them");
    const JsonView arguments = params->member("arguments").value_or(JsonView("{}"));
    if (arguments.kind() != JsonView::Kind::object)
        co_return rpc::error_text(id, rpc::Code::invalid_params, "the arguments must be an object");
    const ToolUse use{asked.caller, arguments, asked.client_gone};
    const std::function<void()> charge = is_further ? asked.charge : nullptr;
    const std::string result = co_await tools_.run(*tool, use, charge);
    co_return rpc::result_text(id, result);
}

} // namespace sidecar::gateway
