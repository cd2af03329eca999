// What a request for a statement or a procedure asks for, and by whom.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/json_view.hpp"
#include "gateway/registry.hpp"

namespace sidecar::gateway
{

struct CallRequest {
    Key key;
    CallHead head;
    std::optional<std::string> idempotency_key;
    std::string request_hash;
    std::string sql;                      // of a statement
    std::vector<JsonView> parameters;     // valid as long as the request
    std::optional<std::string> procedure; // its name, and there is no statement
};

} // namespace sidecar::gateway
