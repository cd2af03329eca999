// The requests for /v1/sql/execute that the tools of MCP stand for which are no statement of the
// caller's own: looking at tables, and vectors. Names are quoted, everything else is a parameter.
#pragma once

#include <string>

#include "gateway/json_view.hpp"

namespace sidecar::gateway
{

// Each returns the body of a request, made of a tool's arguments. All but the first throw a Problem
// (invalid_field) for arguments that are missing or of another kind.
std::string list_tables_request();
std::string describe_table_request(JsonView arguments);
std::string vector_search_request(JsonView arguments);
std::string vector_upsert_request(JsonView arguments);

} // namespace sidecar::gateway
