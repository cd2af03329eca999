// A parameter of a statement: from JSON, as it stands in the request, to the text that PostgreSQL
// reads for the parameter's type.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/json_view.hpp"
#include "gateway/types.hpp"
#include "postgres/libpq.hpp"

namespace sidecar::gateway
{

// Whether the parameter's text is the same for every type, so that it need not be known.
bool fits_any_type(JsonView value);

// Returns the text of a parameter of this type; nothing is NULL. Throws a Problem (invalid_input)
// for what fits no such parameter; number is the parameter's, for that Problem.
std::optional<std::string> parameter_text(JsonView value, Oid type, const Types &types, int number);

// Returns the texts of all parameters of a statement, by its description; null: each is a text.
Parameters parameter_texts(const std::vector<JsonView> &values, const PGresult *description,
                           const Types &types);

} // namespace sidecar::gateway
