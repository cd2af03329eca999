// The DSN contract: which variables a container may have, and what their DSNs have to be. Pure: it
// knows nothing but the variables it is given. docs/check-env.md lists the rules.
#pragma once

#include <optional>
#include <set>
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

// A container of an app, by what it does with its database.
enum class Container {
    app,              // serves: DATABASE_URL, and DATABASE_SERVICE_URL where it has one
    scheduler_worker, // works for all users: one DSN, whose user bypasses row-level security
    migrate,          // DATABASE_URL alone
    db_provision,     // the provisioning lane
    any,              // not known: what a lane wants of every environment
    other,            // no container of the app's: needs no DSN, and holds nothing forbidden
    platform,         // the platform's own, which is not looked at
};

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

// The name of a container, as a person writes it, and the container of a name, if there is one.
// `any`, `other` and `platform` have none.
std::string_view container_name(Container container);
std::optional<Container> container_of(std::string_view name);
std::string_view lane_name(Lane lane);

// A user, a database or a host on one line, cut where a password that went astray may begin.
std::string presentable_name(std::string_view name);
std::string presentable_host(std::string_view host);

} // namespace sidecar
