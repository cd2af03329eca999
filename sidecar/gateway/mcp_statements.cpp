// See mcp_statements.hpp.
#include "gateway/mcp_statements.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include "gateway/json_text.hpp"
#include "platform/problem.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr int default_neighbours = 5;
constexpr int max_neighbours = 1000;
constexpr std::size_t max_rows = 100;

constexpr const char *list_tables =
    "SELECT c.relname AS table_name, (CASE WHEN c.reltuples < 0"
    " THEN pg_catalog.pg_stat_get_live_tuples(c.oid) ELSE c.reltuples END)::bigint AS approx_rows"
    " FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p')"
    " AND c.relnamespace = 'public'::pg_catalog.regnamespace ORDER BY 1";

constexpr const char *describe_table =
    "SELECT a.attname AS column_name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS data_type,"
    " CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END AS is_nullable,"
    " pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS column_default"
    " FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d"
    " ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " WHERE a.attrelid = $1::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped"
    " ORDER BY a.attnum";

// Stands before a statement, so that without the type this is what is missing, and not a table.
constexpr const char *needs_vector = "WITH needed AS (SELECT NULL::vector) ";

JsonView
needed(JsonView object, const char *name, JsonView::Kind kind, const char *what)
{
    const auto member = object.member(name);
    if (!member || member->kind() != kind)
        throw invalid_field("the argument " + std::string(name) + " must be " + what);
    return *member;
}

// Returns the identifier in an argument, quoted.
std::string
identifier(JsonView arguments, const char *name)
{
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789_";
    constexpr const char *what = "1 to 63 of a-z, 0-9 and _";
    const std::string text =
        needed(arguments, name, JsonView::Kind::string, what).text().value_or("");
    if (text.empty() || text.size() > 63 || text.find_first_not_of(allowed) != std::string::npos)
        throw invalid_field("the argument " + std::string(name) + " must be " + what);
    return '"' + text + '"';
}

// Returns a vector as pgvector reads it, its numbers as they are written.
std::string
vector_text(JsonView object, const char *name)
{
    constexpr const char *what = "an array of numbers";
    std::string text = "[";
    needed(object, name, JsonView::Kind::array, what).each_item([&](JsonView item) {
        if (item.kind() != JsonView::Kind::number)
            throw invalid_field("the argument " + std::string(name) + " must be " + what);
        text.append(text.size() > 1 ? "," : "").append(item.raw());
        return true;
    });
    return text + "]";
}

int
neighbours(JsonView arguments)
{
    const auto member = arguments.member("k");
    if (!member || member->kind() == JsonView::Kind::null)
        return default_neighbours;
    const std::string_view digits = member->raw();
    int count = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (read.ec != std::errc() || read.ptr != digits.data() + digits.size() || count < 1 ||
        count > max_neighbours)
        throw invalid_field("the argument k must be a whole number from 1 to 1000");
    return count;
}

// Returns the request that has this statement, and these strings as parameters.
std::string
request_of(const std::string &sql, const std::vector<std::string> &parameters)
{
    std::string body = R"({"sql":)";
    append_json_string(body, sql);
    body += R"(,"params":[)";
    for (const std::string &parameter : parameters) {
        if (body.back() != '[')
            body += ',';
        append_json_string(body, parameter);
    }
    return body + "]}";
}

std::vector<JsonView>
rows_of(JsonView arguments)
{
    std::vector<JsonView> rows;
    needed(arguments, "rows", JsonView::Kind::array, "an array of rows")
        .each_item([&](JsonView row) {
            if (row.kind() != JsonView::Kind::object)
                throw invalid_field("the argument rows must be an array of objects");
            rows.push_back(row);
            return rows.size() <= max_rows;
        });
    if (rows.empty() || rows.size() > max_rows)
        throw invalid_field("the argument rows must have 1 to 100 rows");
    return rows;
}

} // namespace

std::string
list_tables_request()
{
    return request_of(list_tables, {});
}

std::string
describe_table_request(JsonView arguments)
{
    return request_of(describe_table, {"public." + identifier(arguments, "table")});
}

std::string
vector_search_request(JsonView arguments)
{
    const std::string table = "public." + identifier(arguments, "table");
    const std::string distance =
        "searched." + identifier(arguments, "vector_column") + " <=> $1::vector";
    const std::string sql = needs_vector + ("SELECT searched.*, " + distance) +
                            " AS distance FROM " + table + " AS searched ORDER BY " + distance +
                            " LIMIT " + std::to_string(neighbours(arguments));
    return request_of(sql, {vector_text(arguments, "query_embedding")});
}

std::string
vector_upsert_request(JsonView arguments)
{
    const std::string id = identifier(arguments, "id_column");
    const std::string vector = identifier(arguments, "vector_column");
    std::string sql = needs_vector + ("INSERT INTO public." + identifier(arguments, "table")) +
                      " (" + id + ", metadata, " + vector + ") VALUES ";
    std::vector<std::string> parameters;
    for (const JsonView row : rows_of(arguments)) {
        const auto name = needed(row, "id", JsonView::Kind::string, "a string").text();
        if (!name || name->find('\0') != std::string::npos)
            throw invalid_field("the argument id has a character that no text can hold");
        sql += parameters.empty() ? "" : ", ";
        sql += "($" + std::to_string(parameters.size() + 1) + ", $" +
               std::to_string(parameters.size() + 2) + ", $" +
               std::to_string(parameters.size() + 3) + "::vector)";
        parameters.push_back(*name);
        parameters.emplace_back(needed(row, "metadata", JsonView::Kind::object, "an object").raw());
        parameters.push_back(vector_text(row, "vector"));
    }
    sql += " ON CONFLICT (" + id + ") DO UPDATE SET metadata = EXCLUDED.metadata, " + vector +
           " = EXCLUDED." + vector;
    return request_of(sql, parameters);
}

} // namespace sidecar::gateway
