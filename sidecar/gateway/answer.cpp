// See answer.hpp.
#include "gateway/answer.hpp"

#include <cstring>
#include <utility>

#include "base/text.hpp"
#include "gateway/json_text.hpp"
#include "gateway/row_value.hpp"
#include "platform/problem.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr std::size_t max_notice = 4096;
constexpr std::size_t no_field = std::string::npos; // the length of NULL

} // namespace

void
Answer::describe(const PGresult *description, const Types &types)
{
    columns_.clear();
    types_.clear();
    unknown_.clear();
    for (int column = 0; column < PQnfields(description); column++) {
        const std::string_view name = PQfname(description, column);
        if (!is_utf8(name))
            throw Problem(400, "invalid_input", "a column's name is not valid UTF-8");
        if (!columns_.empty())
            columns_ += ',';
        append_json_string(columns_, name);
        types_.push_back(PQftype(description, column));
        if (!types.knows(types_.back()))
            unknown_.push_back(types_.back());
    }
}

void
Answer::append(const PGresult *rows, const Types &types)
{
    std::vector<Field> fields(types_.size());
    for (int row = 0; row < PQntuples(rows); row++) {
        for (int column = 0; column < PQnfields(rows); column++)
            fields[static_cast<std::size_t>(column)] =
                PQgetisnull(rows, row, column) != 0
                    ? Field()
                    : std::string_view(PQgetvalue(rows, row, column),
                                       static_cast<std::size_t>(PQgetlength(rows, row, column)));
        if (unknown_.empty())
            append_row(fields, types);
        else
            keep_row(fields);
        check_size();
    }
}

void
Answer::check_size() const
{
    if (rows_.size() + kept_.size() + columns_.size() > limit_)
        throw Problem(413, "response_too_large",
                      "the answer is larger than " + std::to_string(limit_) + " bytes");
}

void
Answer::append_row(const std::vector<Field> &fields, const Types &types)
{
    rows_ += rows_.empty() ? "" : ",";
    if (!values_)
        rows_ += '[';
    for (std::size_t column = 0; column < fields.size(); column++) {
        if (column > 0)
            rows_ += ',';
        if (fields[column])
            append_row_value(rows_, *fields[column], types_[column], types);
        else
            rows_ += "null";
    }
    if (!values_)
        rows_ += ']';
}

void
Answer::keep_row(const std::vector<Field> &fields)
{
    for (const Field &field : fields) {
        const std::size_t size = field ? field->size() : no_field;
        kept_.append(reinterpret_cast<const char *>(&size), sizeof size);
        if (field)
            kept_.append(*field);
    }
}

void
Answer::resolve(const Types &types)
{
    const std::string kept = std::exchange(kept_, {});
    std::vector<Field> fields(types_.size());
    unknown_.clear();
    for (std::size_t at = 0; at < kept.size();) {
        for (Field &field : fields) {
            std::size_t size = 0;
            std::memcpy(&size, kept.data() + at, sizeof size);
            at += sizeof size;
            field = size == no_field ? Field() : std::string_view(kept).substr(at, size);
            at += size == no_field ? 0 : size;
        }
        append_row(fields, types);
        check_size();
    }
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
Answer::take_body(const CommandTag &tag, std::int64_t duration_ms)
{
    std::string body = R"({"command":)";
    body.reserve(columns_.size() + rows_.size() + notice_.size() + 256);
    append_json_string(body, tag.command);
    body.append(R"(,"columns":[)").append(columns_);
    body.append(R"(],"rows":[)").append(std::exchange(rows_, {}));
    body.append(R"(],"rows_affected":)").append(std::to_string(tag.rows));
    body.append(R"(,"duration_ms":)").append(std::to_string(duration_ms));
    if (!notice_.empty()) {
        body += R"(,"notice":)";
        append_json_string(body, notice_);
    }
    return body + "}";
}

std::string
Answer::take_body(std::string_view procedure, bool is_set, std::int64_t duration_ms)
{
    std::string body = R"({"procedure":)";
    append_json_string(body, procedure);
    body += R"(,"result":)";
    if (is_set)
        body.append("[").append(std::exchange(rows_, {})).append("]");
    else
        body += rows_.empty() ? "null" : std::exchange(rows_, {});
    return body.append(R"(,"duration_ms":)").append(std::to_string(duration_ms)).append("}");
}

} // namespace sidecar::gateway
