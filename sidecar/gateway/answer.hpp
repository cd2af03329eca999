// The body of a 200 for a statement: rows are written as they come, and counted, so that no answer
// grows beyond its limit.
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
    void describe(const PGresult *description);

    // Appends the rows of a result. Throws a Problem: response_too_large, or that of a value.
    void append(const PGresult *rows, const Types &types);

    // The types of the columns, some of which may have to be looked up.
    const std::vector<Oid> &
    column_types() const
    {
        return types_;
    }

    // Keeps what the server said below ERROR, up to a limit.
    void note(std::string_view message);

    // The whole body.
    std::string body(const CommandTag &tag, std::int64_t duration_ms) const;

private:
    void append_row(const PGresult *rows, int row, const Types &types);

    std::size_t limit_;
    std::string columns_;
    std::vector<Oid> types_;
    std::string rows_;
    std::string notice_;
};

} // namespace sidecar::gateway
