// The DSN contract: which variables a lane may have, and what their DSNs have to be. Pure: it knows
// nothing but the variables it is given. docs/check-env.md lists the rules.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "check_env/dsn.hpp"
#include "check_env/finding.hpp"
#include "base/variable.hpp"

namespace sidecar
{

enum class Lane {
    runtime,      // apps: no administrator's variable is here
    provisioning, // may hold DATABASE_ROOT_URL
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
Checked check_contract(const std::vector<Variable> &variables, Lane lane);

// A user, a database or a host on one line, cut where a password that went astray may begin.
std::string presentable_name(std::string_view name);
std::string presentable_host(std::string_view host);

} // namespace sidecar
