// The DSN contract: which variables a container may have, and what their DSNs have to be. Pure: it
// knows nothing but the variables it is given. docs/check-env.md lists the rules.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "check_env/container.hpp"
#include "check_env/dsn.hpp"
#include "check_env/finding.hpp"
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
    Findings findings;
};

// Checks an environment, in which the last assignment of a variable counts.
Checked check_contract(const std::vector<Variable> &variables, const ContractScope &scope);

// A user, a database or a host on one line, cut where a password that went astray may begin.
std::string presentable_name(std::string_view name);
std::string presentable_host(std::string_view host);

} // namespace sidecar
