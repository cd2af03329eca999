// Small functions on text that comes from outside: encodings, cleaning, ids.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sidecar
{

// Percent-encodes everything but A-Z a-z 0-9 - . _ ~ (RFC 3986, unreserved).
std::string percent_encode(std::string_view text);

// Undoes percent-encoding; a stray % stays as it is.
std::string percent_decode(std::string_view text);

// The text as valid UTF-8 on one line: malformed bytes become U+FFFD, control characters (C0, DEL,
// C1) are removed.
std::string clean_text(std::string_view text);

// The same, but on as many lines as it has.
std::string clean_lines(std::string_view text);

// At most limit bytes of valid UTF-8, not cut inside a character.
std::string cut_text(std::string_view text, std::size_t limit);

// A random UUID (version 4).
std::string random_uuid();

// SHA-256 in lower case hex, 64 characters.
std::string sha256_hex(std::string_view text);

// Whether this is a variable name the sidecar handles: ^[A-Z_][A-Z0-9_]{0,127}$.
bool is_variable_name(std::string_view text);

// Returns the words between the commas of a text.
std::vector<std::string> words_of(const std::string &text);

} // namespace sidecar
