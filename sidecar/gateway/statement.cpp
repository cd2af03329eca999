// See statement.hpp.
#include "gateway/statement.hpp"

#include <algorithm>
#include <charconv>

#include <strings.h>

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

// What stands behind the comment at the beginning of a statement. Comments with stars stand in each
// other.
std::string_view
skip_comment(std::string_view sql)
{
    if (sql.starts_with("--"))
        return sql.substr(std::min(sql.find_first_of("\r\n"), sql.size()));
    std::size_t depth = 1;
    std::size_t at = 2;
    for (; at < sql.size() && depth > 0; at++) {
        const std::string_view two = sql.substr(at, 2);
        if (two == "/*" || two == "*/") {
            depth = two == "/*" ? depth + 1 : depth - 1;
            at++;
        }
    }
    return sql.substr(std::min(at, sql.size()));
}

// What stands behind the blanks and comments at the beginning of a statement.
std::string_view
skip_blanks(std::string_view sql)
{
    for (;;) {
        sql.remove_prefix(std::min(sql.find_first_not_of(" \t\r\n\f\v;"), sql.size()));
        if (!sql.starts_with("--") && !sql.starts_with("/*"))
            return sql;
        sql = skip_comment(sql);
    }
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
begins_transaction(std::string_view sql)
{
    const std::string_view rest = skip_blanks(sql);
    const std::size_t size = rest.substr(0, rest.find_first_of(" \t\r\n\f\v;/-")).size();
    return size == 5 && (strncasecmp(rest.data(), "begin", size) == 0 ||
                         strncasecmp(rest.data(), "start", size) == 0);
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
