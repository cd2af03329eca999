// The options of the commands that read the audit log: verify-audit and audit.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/secret.hpp"

namespace sidecar
{

struct AuditOptions {
    Secret database;          // libpq connection string
    Secret database_password; // PGPASSWORD
    std::string heads;        // the file of heads; empty: none
    bool seals = false;       // audit: write the seals before their rows
    std::string since;        // audit: a time or an id; empty: all
    bool follow = false;      // audit: go on with what comes
    bool replay = false;      // audit: do again what the file says was done since then
    bool apply = false;       // with replay: not only say it
    std::string file;         // with replay: the export
    std::string accept;       // verify-audit: number of a seal that a restore has lost; empty: none
    std::string reason;       // with accept: why
    std::string by;           // with accept: who
};

// Returns the options, or the text of --help. Takes the secrets out of the environment. Throws a
// configuration Failure when they are wrong.
std::variant<AuditOptions, std::string>
read_audit_options(const std::string &command, const std::vector<std::string> &arguments);

} // namespace sidecar
