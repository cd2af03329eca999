// The statement that a request for /v1/sql/execute holds, and what PostgreSQL's tag says of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/json_view.hpp"

namespace sidecar::gateway
{

struct StatementLimits {
    std::size_t bytes = 262'144;
    std::size_t parameters = 1000;
};

struct RequestedStatement {
    std::string sql;
    std::vector<JsonView> parameters; // valid as long as the body
};

// Returns the object that a body is. Throws a Problem (invalid_json).
JsonView read_object(std::string_view body);

// Reads a request's body. Throws the Problem that comes first: of the JSON, of a statement that is
// empty, one that is too long, or of the parameters. Fields that are not known are ignored.
RequestedStatement read_statement(std::string_view body, const StatementLimits &limits);

// A command tag, taken apart: "INSERT 0 3" is INSERT of three rows.
struct CommandTag {
    std::string command;
    std::int64_t rows = 0;
};

// Reads a tag; has_rows: the statement gave a result set. A SELECT that gave none made a table.
CommandTag read_tag(std::string_view tag, bool has_rows);

// Whether the first word of a statement says that it begins a transaction.
bool begins_transaction(std::string_view sql);

// Whether a statement with this command has tried to begin or end a transaction, which PostgreSQL
// does without an error.
bool controls_transaction(std::string_view command);

} // namespace sidecar::gateway
