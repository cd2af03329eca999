// `appinfrad check-env`: checks the environment of an app, or files that will become one, against
// the DSN contract. What it reads and where it writes is handed to it, so that tests run all of it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/command_io.hpp"
#include "base/secret.hpp"
#include "base/variable.hpp"
#include "check_env/role_rules.hpp"

namespace sidecar
{

// What one run looks at.
struct CheckEnvInput {
    std::vector<Variable> environment; // of the process, without the two below
    Secret database_url;               // APPINFRA_CHECK_DATABASE_URL
    std::string database_url_file;     // APPINFRA_CHECK_DATABASE_URL_FILE
    CommandIo io;
    std::function<std::unique_ptr<RoleCatalog>(const Secret &conninfo)> connect;
};

// Takes the two variables of its own out of the process environment and copies the rest.
CheckEnvInput check_env_input();

// Runs the command; arguments are those behind "check-env". Returns the exit code of the contract:
// 0 in order, 1 violations, 2 it could not check. Throws nothing.
int check_env(const std::vector<std::string> &arguments, CheckEnvInput &input) noexcept;

} // namespace sidecar
