// JSON-RPC 2.0 messages as responses, or as their text.
#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "platform/message.hpp"

namespace sidecar::rpc
{

enum class Code {
    parse_error = -32700,
    invalid_request = -32600,
    method_not_found = -32601,
    invalid_params = -32602,
    internal_error = -32603,
};

// The result of the request with this id.
Response result(const Json &id, Json value);

// An error, with a text that may quote what was asked: it is cleaned and cut here.
Response error(const Json &id, Code code, const std::string &text);

// The text of such a message; id and result are JSON as it is written, so that numbers keep their
// digits.
std::string result_text(std::string_view id, std::string_view result);
std::string error_text(std::string_view id, Code code, const std::string &text);

// Nothing is to be said.
Response nothing();

} // namespace sidecar::rpc
