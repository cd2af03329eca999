// See mcp_tools.hpp.
#include "gateway/mcp_tools.hpp"

#include <utility>

#include "base/text.hpp"
#include "gateway/json_text.hpp"
#include "gateway/mcp_statements.hpp"
#include "gateway/request_head.hpp"
#include "platform/problem.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr const char *vector_hint = "CREATE EXTENSION vector";

// Returns a string member of a JSON object; empty when there is none.
std::string
text_of(JsonView object, const char *name)
{
    const auto member = object.member(name);
    if (!member || member->kind() != JsonView::Kind::string)
        return "";
    return member->text().value_or("");
}

// Says how to get the type vector, when it is what a statement lacked.
Response
with_vector_hint(Response response)
{
    if (response.status != 400)
        return response;
    const JsonView body(response.body);
    if (text_of(body, "sqlstate") != "42704")
        return response;
    Problem problem(response.status, text_of(body, "title"), text_of(body, "detail"));
    problem.sqlstate = text_of(body, "sqlstate");
    problem.hint = vector_hint;
    return response_of(problem);
}

void
append_text(std::string &out, const char *name, std::string_view text)
{
    out.append(out.size() > 1 ? ",\"" : "{\"").append(name).append("\":");
    append_json_string(out, text);
}

// How a call of a tool may be repeated: as its argument idempotency_key says.
Service::Once
once_of(std::string_view tool, JsonView arguments)
{
    const auto key = arguments.member("idempotency_key");
    if (!key || key->kind() == JsonView::Kind::null)
        return {};
    if (key->kind() != JsonView::Kind::string)
        throw invalid_field("the argument idempotency_key must be a string");
    return {checked_idempotency_key(key->text().value_or("")),
            "\\x" + sha256_hex(std::string(tool) + "\n" + std::string(arguments.raw()))};
}

// Returns the schema of a tool's input.
std::string
schema_of(const McpTools::Tool &tool)
{
    return std::string(R"({"type":"object","properties":)") + tool.properties + R"(,"required":)" +
           tool.required + "}";
}

const char *
word(bool value)
{
    return value ? "true" : "false";
}

std::string
description_of(const McpTools::Tool &tool)
{
    std::string text;
    append_text(text, "name", tool.name);
    append_text(text, "title", tool.title);
    append_text(text, "description", tool.description);
    text.append(R"(,"inputSchema":)").append(schema_of(tool)).append(R"(,"annotations":)");
    std::string annotations;
    append_text(annotations, "title", tool.title);
    annotations.append(R"(,"readOnlyHint":)").append(word(tool.read_only));
    annotations.append(R"(,"destructiveHint":)").append(word(tool.destructive));
    annotations.append(R"(,"idempotentHint":)").append(word(tool.idempotent));
    return text + annotations + R"(,"openWorldHint":false}})";
}

} // namespace

// clang-format off
std::span<const McpTools::Tool>
McpTools::tools()
{
    static constexpr Tool all[] = {
        {"sql_execute", "Run a statement",
         "Runs one SQL statement in your workspace, a PostgreSQL database of its own, in a transaction of its own. "
         "Put values into params, not into the text. Rows come as arrays, in the order of columns.",
         R"({"sql":{"type":"string","description":"one statement, with $1, $2 for params"},)"
         R"("params":{"type":"array","description":"the values of $1, $2: null, booleans, numbers, strings, arrays, objects"},)"
         R"("idempotency_key":{"type":"string","minLength":1,"maxLength":255,"description":"your own name for this call: a repetition with the same arguments runs nothing and gets the same answer"}})",
         R"(["sql"])", false, true, false, &McpTools::execute_sql},
        {"rpc_call", "Call a procedure",
         "Calls a procedure of your workspace: a function rpc.<procedure>(jsonb).",
         R"({"procedure":{"type":"string","pattern":"^[a-z0-9_]{1,63}$"},)"
         R"("args":{"type":"object","description":"what the procedure gets; empty when absent"}})",
         R"(["procedure"])", false, true, false, &McpTools::call_procedure},
        {"list_tables", "List tables", "Lists the tables of schema public, with about how many rows each has.",
         "{}", "[]", true, false, true, &McpTools::list_tables},
        {"describe_table", "Describe a table", "Lists the columns of a table of schema public: name, type, whether NULL may be in it, default.",
         R"({"table":{"type":"string","pattern":"^[a-z0-9_]{1,63}$"}})",
         R"(["table"])", true, false, true, &McpTools::describe_table},
        {"vector_search", "Search by vector",
         "Finds the rows of a table whose vector is nearest to one, by cosine distance (pgvector), nearest first: all columns, and distance.",
         R"({"table":{"type":"string","pattern":"^[a-z0-9_]{1,63}$"},)"
         R"("vector_column":{"type":"string","pattern":"^[a-z0-9_]{1,63}$"},)"
         R"("query_embedding":{"type":"array","items":{"type":"number"}},)"
         R"("k":{"type":"integer","minimum":1,"maximum":1000,"default":5,"description":"how many rows"}})",
         R"(["table","vector_column","query_embedding"])", true, false, true, &McpTools::search_vectors},
        {"vector_upsert", "Store vectors",
         "Inserts rows with vectors into a table that has the columns id_column (unique), metadata and vector_column; rows that are there are overwritten.",
         R"({"table":{"type":"string","pattern":"^[a-z0-9_]{1,63}$"},)"
         R"("id_column":{"type":"string","pattern":"^[a-z0-9_]{1,63}$"},)"
         R"("vector_column":{"type":"string","pattern":"^[a-z0-9_]{1,63}$"},)"
         R"("rows":{"type":"array","minItems":1,"maxItems":100,"items":{"type":"object","properties":{"id":{"type":"string"},)"
         R"("metadata":{"type":"object"},"vector":{"type":"array","items":{"type":"number"}}},"required":["id","metadata","vector"]}}})",
         R"(["table","id_column","vector_column","rows"])", false, true, true, &McpTools::upsert_vectors},
        {"whoami", "Say who I am", "Says which workspace and key this is, and the key's role and environment.",
         "{}", "[]", true, false, true, &McpTools::who_am_i},
        {"health", "Say whether the gateway works", "Says whether the gateway is up and ready.",
         "{}", "[]", true, false, true, &McpTools::health},
    };
    return all;
}
// clang-format on

const McpTools::Tool *
McpTools::find(std::string_view name)
{
    for (const Tool &tool : tools())
        if (tool.name == name)
            return &tool;
    return nullptr;
}

const std::string &
McpTools::list()
{
    static const std::string text = [] {
        std::string list = R"({"tools":[)";
        for (const Tool &tool : tools())
            list.append(list.ends_with('[') ? "" : ",").append(description_of(tool));
        return list + "]}";
    }();
    return text;
}

asio::awaitable<std::string>
McpTools::run(const Tool &tool, const ToolUse &use, const std::function<void()> &charge)
{
    Response response;
    try {
        if (charge)
            charge();
        response = co_await (this->*tool.run)(use);
    } catch (const Problem &problem) {
        response = response_of(problem);
    }
    co_return tool_result(response);
}

// Runs a statement that is not the caller's own. Returns its refusal as a response, too.
asio::awaitable<Response>
McpTools::execute(const ToolUse &use, const std::string &body)
{
    const Service::Once once;
    Response response;
    try {
        response = co_await service_.execute_sql(use.caller, body, once, use.client_gone);
    } catch (const Problem &problem) {
        response = response_of(problem);
    }
    co_return response;
}

// The arguments have the members of a request's body.
asio::awaitable<Response>
McpTools::execute_sql(const ToolUse &use)
{
    const std::string body(use.arguments.raw());
    const Service::Once once = once_of("sql_execute", use.arguments);
    co_return co_await service_.execute_sql(use.caller, body, once, use.client_gone);
}

asio::awaitable<Response>
McpTools::call_procedure(const ToolUse &use)
{
    const std::string body(use.arguments.raw());
    const Service::Once once = once_of("rpc_call", use.arguments);
    co_return co_await service_.call_procedure(use.caller, body, once, use.client_gone);
}

asio::awaitable<Response>
McpTools::list_tables(const ToolUse &use)
{
    const std::string body = list_tables_request();
    co_return co_await execute(use, body);
}

asio::awaitable<Response>
McpTools::describe_table(const ToolUse &use)
{
    const std::string body = describe_table_request(use.arguments);
    co_return co_await execute(use, body);
}

asio::awaitable<Response>
McpTools::search_vectors(const ToolUse &use)
{
    const std::string body = vector_search_request(use.arguments);
    Response response = co_await execute(use, body);
    co_return with_vector_hint(std::move(response));
}

asio::awaitable<Response>
McpTools::upsert_vectors(const ToolUse &use)
{
    const std::string body = vector_upsert_request(use.arguments);
    Response response = co_await execute(use, body);
    const Response executed = with_vector_hint(std::move(response));
    if (executed.status >= 400)
        co_return executed;
    const JsonView whole(executed.body);
    response = {};
    response.body = R"({"rows_affected":)" +
                    std::string(whole.member("rows_affected").value_or(JsonView("0")).raw());
    append_text(response.body, "command", text_of(whole, "command"));
    response.body += "}";
    co_return response;
}

asio::awaitable<Response>
McpTools::who_am_i(const ToolUse &use)
{
    Response response;
    append_text(response.body, "workspace_id", use.caller.key.workspace_id);
    append_text(response.body, "key_id", use.caller.key.id);
    append_text(response.body, "role", use.caller.key.role);
    append_text(response.body, "env", use.caller.key.env);
    response.body += "}";
    co_return response;
}

asio::awaitable<Response>
McpTools::health(const ToolUse &)
{
    const std::vector<std::string> reasons = co_await service_.reasons();
    std::string detail;
    for (const std::string &reason : reasons)
        detail.append(detail.empty() ? "" : "; ").append(clean_text(reason));
    Response response;
    response.body = std::string(R"({"healthy":true,"ready":)") + word(reasons.empty());
    append_text(response.body, "detail", reasons.empty() ? "ready" : detail);
    response.body += "}";
    co_return response;
}

std::string
tool_result(const Response &response)
{
    const bool refused = response.status >= 400;
    std::string text = response.body;
    if (refused) {
        const JsonView problem(response.body);
        text = text_of(problem, "title") + ": " + text_of(problem, "detail");
        if (const std::string hint = text_of(problem, "hint"); !hint.empty())
            text += "\nhint: " + hint;
    }
    std::string result = R"({"content":[{"type":"text","text":)";
    result.reserve(text.size() * 2 + text.size() / 4 + 128);
    append_json_string(result, text);
    result += "}]";
    if (!refused)
        result.append(R"(,"structuredContent":)").append(response.body);
    return result.append(R"(,"isError":)").append(word(refused)).append("}");
}

} // namespace sidecar::gateway
