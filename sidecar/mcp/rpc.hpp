// JSON-RPC 2.0 messages as responses.
#pragma once

#include <string>

#include "base/json.hpp"
#include "platform/message.hpp"

namespace sidecar::rpc
{

enum class Code {
    parse_error = -32700,
    invalid_request = -32600,
    method_not_found = -32601,
    invalid_params = -32602,
};

// The result of the request with this id.
Response result(const Json &id, Json value);

// An error, with a text that may quote what was asked: it is cleaned and cut here.
Response error(const Json &id, Code code, const std::string &text);

// Nothing is to be said.
Response nothing();

} // namespace sidecar::rpc
