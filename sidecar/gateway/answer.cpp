// See answer.hpp.
#include "gateway/answer.hpp"

#include "base/text.hpp"
#include "gateway/json_text.hpp"
#include "gateway/row_value.hpp"
#include "platform/problem.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr std::size_t max_notice = 4096;

} // namespace

void
Answer::describe(const PGresult *description)
{
    columns_.clear();
    types_.clear();
    for (int column = 0; column < PQnfields(description); column++) {
        const std::string_view name = PQfname(description, column);
        if (!is_utf8(name))
            throw Problem(400, "invalid_input", "a column's name is not valid UTF-8");
        if (!columns_.empty())
            columns_ += ',';
        append_json_string(columns_, name);
        types_.push_back(PQftype(description, column));
    }
}

void
Answer::append(const PGresult *rows, const Types &types)
{
    for (int row = 0; row < PQntuples(rows); row++) {
        append_row(rows, row, types);
        if (rows_.size() + columns_.size() > limit_)
            throw Problem(413, "response_too_large",
                          "the answer is larger than " + std::to_string(limit_) + " bytes");
    }
}

void
Answer::append_row(const PGresult *rows, int row, const Types &types)
{
    rows_ += rows_.empty() ? "[" : ",[";
    for (int column = 0; column < PQnfields(rows); column++) {
        if (column > 0)
            rows_ += ',';
        if (PQgetisnull(rows, row, column) != 0)
            rows_ += "null";
        else
            append_row_value(rows_,
                             {PQgetvalue(rows, row, column),
                              static_cast<std::size_t>(PQgetlength(rows, row, column))},
                             PQftype(rows, column), types);
    }
    rows_ += ']';
}

void
Answer::note(std::string_view message)
{
    if (notice_.size() >= max_notice || !is_utf8(message))
        return;
    if (!notice_.empty())
        notice_ += '\n';
    notice_ = cut_text(notice_.append(message), max_notice);
}

std::string
Answer::body(const CommandTag &tag, std::int64_t duration_ms) const
{
    std::string body = R"({"command":)";
    body.reserve(columns_.size() + rows_.size() + notice_.size() + 256);
    append_json_string(body, tag.command);
    body.append(R"(,"columns":[)").append(columns_);
    body.append(R"(],"rows":[)").append(rows_);
    body.append(R"(],"rows_affected":)").append(std::to_string(tag.rows));
    body.append(R"(,"duration_ms":)").append(std::to_string(duration_ms));
    if (!notice_.empty()) {
        body += R"(,"notice":)";
        append_json_string(body, notice_);
    }
    return body + "}";
}

} // namespace sidecar::gateway
