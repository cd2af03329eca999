// See statement.hpp.
#include "gateway/statement.hpp"

#include <algorithm>
#include <charconv>

#include "gateway/json_text.hpp"
#include "platform/problem.hpp"

namespace sidecar::gateway
{
namespace
{

std::string
read_sql(JsonView object)
{
    const auto member = object.member("sql");
    if (!member || member->kind() == JsonView::Kind::null)
        throw Problem(400, "empty_statement", "the field sql is missing");
    if (member->kind() != JsonView::Kind::string)
        throw invalid_field("the field sql must be a string");
    auto sql = member->text();
    if (!sql || sql->find('\0') != std::string::npos)
        throw invalid_field("the field sql has a character that no statement can hold");
    if (sql->find_first_not_of(" \t\r\n\f\v") == std::string::npos)
        throw Problem(400, "empty_statement", "the statement is empty");
    return std::move(*sql);
}

std::vector<JsonView>
read_parameters(JsonView object, std::size_t limit)
{
    std::vector<JsonView> parameters;
    const auto member = object.member("params");
    if (!member || member->kind() == JsonView::Kind::null)
        return parameters;
    if (member->kind() != JsonView::Kind::array)
        throw invalid_field("the field params must be an array");
    member->each_item([&](JsonView item) {
        parameters.push_back(item);
        return parameters.size() <= limit;
    });
    if (parameters.size() > limit)
        throw Problem(400, "too_many_params",
                      "a statement has at most " + std::to_string(limit) + " parameters");
    return parameters;
}

} // namespace

JsonView
read_object(std::string_view body)
{
    if (!is_utf8(body) || !is_json_text(body))
        throw Problem(400, "invalid_json", "the body is not valid JSON");
    const JsonView object(body);
    if (object.kind() != JsonView::Kind::object)
        throw Problem(400, "invalid_json", "the body must be a JSON object");
    return object;
}

RequestedStatement
read_statement(std::string_view body, const StatementLimits &limits)
{
    const JsonView object = read_object(body);
    RequestedStatement statement;
    statement.sql = read_sql(object);
    if (statement.sql.size() > limits.bytes)
        throw Problem(400, "statement_too_large",
                      "a statement has at most " + std::to_string(limits.bytes) + " bytes");
    statement.parameters = read_parameters(object, limits.parameters);
    return statement;
}

CommandTag
read_tag(std::string_view tag, bool has_rows)
{
    const std::size_t end = tag.find_last_not_of("0123456789 ");
    CommandTag read{std::string(tag.substr(0, end + 1)), 0};
    const std::string_view count = tag.substr(tag.find_last_of(' ') + 1);
    if (end + 1 < tag.size())
        std::from_chars(count.data(), count.data() + count.size(), read.rows);
    if (read.command == "SELECT" && !has_rows)
        read.command = "CREATE TABLE AS";
    return read;
}

bool
controls_transaction(std::string_view command)
{
    constexpr std::string_view commands[] = {
        "BEGIN",   "START TRANSACTION",  "COMMIT", "ROLLBACK", "SAVEPOINT",
        "RELEASE", "PREPARE TRANSACTION"};
    return std::find(std::begin(commands), std::end(commands), command) != std::end(commands);
}

} // namespace sidecar::gateway
