// Whether a text is JSON, a number or UTF-8, and strings as JSON writes them.
#pragma once

#include <string>
#include <string_view>

namespace sidecar::gateway
{

// Whether the text is one JSON value (RFC 8259) and nothing else. Bytes above ASCII are not looked
// at, and \u escapes only for their digits.
bool is_json_text(std::string_view text);

// Whether the text is a number as JSON writes it.
bool is_json_number(std::string_view text);

// Whether the text is valid UTF-8.
bool is_utf8(std::string_view text);

// Appends the text as a JSON string.
void append_json_string(std::string &out, std::string_view text);

} // namespace sidecar::gateway
