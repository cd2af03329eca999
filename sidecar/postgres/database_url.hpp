// Where a command gets the connection string from: a flag without a password, a variable, or a file
// that a variable of the same name with _FILE names.
#pragma once

#include <optional>
#include <string>

#include "base/secret.hpp"

namespace sidecar
{

// Refuses a flag that carries a password, which everyone on the machine could read. Throws a
// configuration Failure that names the variable to use.
void check_database_flag(const std::string &flag, const std::string &variable);

// Returns the secret of a variable, or that in the file which VARIABLE_FILE names; empty when
// neither is set. Throws a configuration Failure when both are, since one of them is stale.
Secret secret_of(const Secret &value, const std::string &file, const std::string &variable);

// Returns the connection string: the flag when it was given, else secret_of() the variable.
Secret database_url(const std::optional<std::string> &flag, const Secret &value,
                    const std::string &file, const std::string &variable);

// A connection string and PGPASSWORD.
struct DatabaseAccess {
    Secret url;
    Secret password;
};

// Returns what a command for people uses: the flag when it was given, else APPINFRA_DATABASE_URL or
// the file that APPINFRA_DATABASE_URL_FILE names; secrets are taken out of the environment. Throws
// a configuration Failure.
DatabaseAccess database_access(const std::optional<std::string> &flag);

} // namespace sidecar
