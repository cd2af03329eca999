// The options of the commands about API keys: mint-key, list-keys and revoke-key.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/secret.hpp"

namespace sidecar::gateway
{

struct KeyOptions {
    Secret database;          // libpq connection string
    Secret database_password; // PGPASSWORD
    std::string workspace;    // db_id, workspace_id or slug; empty: list-keys lists all
    std::string role;
    std::string env;
    std::string name;      // empty: none
    std::string valid_for; // as PostgreSQL reads an interval; empty: for ever
    bool create = false;   // mint-key: makes the workspace when there is none
    bool json = false;     // list-keys: one document of JSON
    std::string key_id;    // revoke-key
    std::string reason;    // revoke-key; empty: none
};

// Returns the options, or the text of --help. Takes the secrets out of the environment. Throws a
// configuration Failure when they are wrong.
std::variant<KeyOptions, std::string> read_key_options(const std::string &command,
                                                       const std::vector<std::string> &arguments);

} // namespace sidecar::gateway
