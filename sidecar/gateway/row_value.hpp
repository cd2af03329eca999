// A value of a row: from the text that PostgreSQL writes to JSON. A statement may change the
// formats of its own answer, so whatever has not the form that is expected is given as a string.
#pragma once

#include <string>
#include <string_view>

#include "gateway/types.hpp"

namespace sidecar::gateway
{

// Appends the value, which is not NULL, as JSON. Throws a Problem (invalid_input) when it is not
// valid UTF-8.
void append_row_value(std::string &out, std::string_view text, Oid type, const Types &types);

} // namespace sidecar::gateway
