// The DSN contract: which variables a container may have, and what their DSNs have to be. Pure: it
// knows nothing but the variables it is given. docs/check-env.md lists the rules.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "check_env/container.hpp"
#include "check_env/dsn.hpp"
#include "check_env/finding.hpp"
#include "check_env/gateway_variables.hpp"
#include "base/variable.hpp"

namespace sidecar
{

// Whose environment it is, and what is wanted of it.
struct ContractScope {
    Lane lane = Lane::runtime;
    Container container = Container::any;
    std::vector<std::string> required;  // further variables that have to be set
    std::set<std::string> unknown = {}; // set, to values that are not known here
};

struct CheckedDsn {
    std::string variable;
    Dsn dsn;
};

struct Checked {
    std::vector<CheckedDsn> dsns; // those libpq can use, in the contract's order
    std::optional<GatewayAccess> gateway;
    Findings findings;
};

// Checks an environment, in which the last assignment of a variable counts.
Checked check_contract(const std::vector<Variable> &variables, const ContractScope &scope);

} // namespace sidecar
