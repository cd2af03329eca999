// The variables by which an app reaches the SQL gateway: its URL and an API key. They go together,
// and neither the key nor what it opens travels in the clear. docs/check-env.md lists the rules.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/secret.hpp"
#include "check_env/finding.hpp"

namespace sidecar
{

// Returns the value of a variable; null when it is not set.
using SecretLookup = std::function<const Secret *(std::string_view)>;

// How the app reaches the gateway, without the secret.
struct GatewayAccess {
    std::string url;
    std::string key_id;
    std::string env;
};

struct CheckedGateway {
    std::optional<GatewayAccess> access; // when both are what they have to be
    Findings findings;
    bool is_complete = false; // nothing of the pair is missing
};

// Checks the pair; unknown are variables that are set to values that are not known here.
CheckedGateway check_gateway_variables(const SecretLookup &value_of,
                                       const std::set<std::string> &unknown);

} // namespace sidecar
