#include "gateway/mcp_statements.hpp"

#include <gtest/gtest.h>

#include "gateway/json_text.hpp"
#include "gateway/mcp_tools.hpp"
#include "platform/problem.hpp"

namespace
{

using namespace sidecar;
using namespace sidecar::gateway;

std::string
detail_of(std::string (*request)(JsonView), const char *arguments)
{
    try {
        return request(JsonView(arguments));
    } catch (const Problem &problem) {
        EXPECT_EQ(problem.title, "invalid_field");
        return problem.detail;
    }
}

std::string
sql_of(const std::string &request)
{
    EXPECT_TRUE(is_json_text(request)) << request;
    return JsonView(request).member("sql")->text().value_or("");
}

TEST(McpStatements, quote_a_table_and_take_it_as_a_parameter)
{
    const std::string request = describe_table_request(JsonView(R"({"table":"notes_2"})"));
    EXPECT_EQ(JsonView(request).member("params")->raw(), R"(["public.\"notes_2\""])");
    EXPECT_EQ(sql_of(request).find("notes_2"), std::string::npos);
}

TEST(McpStatements, refuse_names_that_need_quoting)
{
    for (const char *arguments :
         {R"({"table":"a\"b"})", R"({"table":"A"})", R"({"table":""})", R"({"table":7})", "{}",
          R"({"table":"public.notes"})",
          R"({"table":"a123456789012345678901234567890123456789012345678901234567890123"})"})
        EXPECT_EQ(detail_of(describe_table_request, arguments),
                  "the argument table must be 1 to 63 of a-z, 0-9 and _")
            << arguments;
}

TEST(McpStatements, search_with_the_digits_that_were_given)
{
    const std::string request = vector_search_request(
        JsonView(R"({"table":"t","vector_column":"v","query_embedding":[0.10, -2e-3],"k":7})"));
    EXPECT_EQ(sql_of(request),
              "WITH needed AS (SELECT NULL::vector) SELECT searched.*, searched.\"v\" <=> "
              "$1::vector AS distance FROM public.\"t\" AS searched ORDER BY searched.\"v\" <=> "
              "$1::vector LIMIT 7");
    EXPECT_EQ(JsonView(request).member("params")->raw(), R"(["[0.10,-2e-3]"])");
}

TEST(McpStatements, search_for_five_unless_told)
{
    const auto with = [](const std::string &k) {
        return R"({"table":"t","vector_column":"v","query_embedding":[1])" + k + "}";
    };
    EXPECT_TRUE(sql_of(vector_search_request(JsonView(with("")))).ends_with(" LIMIT 5"));
    EXPECT_TRUE(sql_of(vector_search_request(JsonView(with(R"(,"k":1000)")))).ends_with("1000"));
    for (const char *k : {"0", "1001", "1.5", "\"7\"", "true", "-1", "99999999999"})
        EXPECT_EQ(detail_of(vector_search_request, with(std::string(",\"k\":") + k).c_str()),
                  "the argument k must be a whole number from 1 to 1000");
}

TEST(McpStatements, store_each_row_by_three_parameters)
{
    const std::string request = vector_upsert_request(JsonView(
        R"({"table":"t","id_column":"i","vector_column":"v","rows":[)"
        R"({"id":"a'b","metadata":{"n":1.50},"vector":[1]},{"id":"c","metadata":{},"vector":[]}]})"));
    EXPECT_EQ(sql_of(request),
              "WITH needed AS (SELECT NULL::vector) INSERT INTO public.\"t\" (\"i\", metadata, "
              "\"v\") VALUES ($1, $2, $3::vector), ($4, $5, $6::vector) ON CONFLICT (\"i\") DO "
              "UPDATE SET metadata = EXCLUDED.metadata, \"v\" = EXCLUDED.\"v\"");
    EXPECT_EQ(JsonView(request).member("params")->raw(),
              R"(["a'b","{\"n\":1.50}","[1]","c","{}","[]"])");
}

TEST(McpStatements, refuse_rows_that_are_none)
{
    const auto with = [](const std::string &rows) {
        return R"({"table":"t","id_column":"i","vector_column":"v","rows":)" + rows + "}";
    };
    std::string many = "[";
    for (int i = 0; i < 101; i++)
        many += (i > 0 ? "," : "") + std::string(R"({"id":"a","metadata":{},"vector":[1]})");
    for (const std::string &rows :
         {std::string("[]"), many + "]", std::string("[1]"), std::string("{}"),
          std::string(R"([{"id":1,"metadata":{},"vector":[1]}])"),
          std::string(R"([{"id":"a","metadata":[],"vector":[1]}])"),
          std::string(R"([{"id":"a","metadata":{},"vector":["1"]}])")})
        EXPECT_TRUE(detail_of(vector_upsert_request, with(rows).c_str()).starts_with("the argum"))
            << rows.substr(0, 80);
}

TEST(McpTools, tell_of_every_tool_in_valid_json)
{
    ASSERT_TRUE(is_json_text(McpTools::list()));
    int tools = 0;
    JsonView(McpTools::list()).member("tools")->each_item([&](JsonView tool) {
        tools++;
        const std::string name = tool.member("name")->text().value_or("");
        EXPECT_NE(McpTools::find(name), nullptr) << name;
        return true;
    });
    EXPECT_EQ(tools, 8);
    EXPECT_EQ(McpTools::find("sql"), nullptr);
}

TEST(McpTools, give_a_result_twice_and_a_refusal_as_text)
{
    Response response;
    response.body = R"({"n":12345678901234567890.10})";
    EXPECT_EQ(tool_result(response),
              R"({"content":[{"type":"text","text":"{\"n\":12345678901234567890.10}"}],)"
              R"("structuredContent":{"n":12345678901234567890.10},"isError":false})");
    Problem problem(400, "parse_error", "no");
    problem.hint = "look";
    EXPECT_EQ(tool_result(response_of(problem)),
              R"({"content":[{"type":"text","text":"parse_error: no\nhint: look"}],)"
              R"("isError":true})");
}

} // namespace
