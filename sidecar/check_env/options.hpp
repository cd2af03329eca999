// The command line of `appinfrad check-env`.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "check_env/contract.hpp"

namespace sidecar
{

struct CheckEnvOptions {
    ContractScope scope;
    std::string compose;                         // a compose file; empty: none
    std::map<std::string, Container> containers; // what services of the compose file are
    bool json = false;
    std::optional<std::string> database; // without a password; empty: libpq's variables decide
    std::vector<std::string> files;      // none: the process environment
};

// The options; or the text of --help. Throws a configuration Failure that quotes no argument, since
// a DSN may have slipped into any of them.
std::variant<CheckEnvOptions, std::string>
read_check_env_options(const std::vector<std::string> &arguments);

} // namespace sidecar
