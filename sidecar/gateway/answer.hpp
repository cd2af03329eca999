// The rows of an answer: they are written as they come, and counted, so that no answer grows beyond
// its limit. Values of types that are not known yet are kept as they are, until somebody knows
// them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/statement.hpp"
#include "gateway/types.hpp"

namespace sidecar::gateway
{

class Answer
{
public:
    explicit Answer(std::size_t limit) : limit_(limit)
    {
    }

    // Takes the names and types of the columns from a description; before the first row.
    void describe(const PGresult *description, const Types &types);

    // The types of columns that describe() did not find; empty: all are known.
    const std::vector<Oid> &
    unknown_types() const
    {
        return unknown_;
    }

    // Writes what was kept, now that its types have been looked up. Throws as append() does.
    void resolve(const Types &types);

    // Appends the rows of a result. Throws a Problem: response_too_large, or that of a value.
    void append(const PGresult *rows, const Types &types);

    // Keeps what the server said below ERROR, up to a limit.
    void note(std::string_view message);

    // How long a body gets, without its frame.
    std::size_t
    size() const
    {
        return rows_.size() + columns_.size() + notice_.size();
    }

    // Makes the whole body of a statement's answer; the rows are in that then, and not here.
    std::string take_body(const CommandTag &tag, std::int64_t duration_ms);

    // The same of a procedure's answer: the values of its one column; in an array when is_set.
    std::string take_body(std::string_view procedure, bool is_set, std::int64_t duration_ms);

    // Rows of a procedure are values, not arrays of them.
    void
    take_values()
    {
        values_ = true;
    }

private:
    using Field = std::optional<std::string_view>;
    void append_row(const std::vector<Field> &fields, const Types &types);
    void keep_row(const std::vector<Field> &fields);
    void check_size() const;

    std::size_t limit_;
    std::string columns_;
    std::vector<Oid> types_;
    std::vector<Oid> unknown_;
    std::string kept_; // rows whose types are not known: each field with its length before it
    bool values_ = false;
    std::string rows_;
    std::string notice_;
};

} // namespace sidecar::gateway
