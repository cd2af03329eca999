// How far a revocation is: a login is away when it can begin no session, and its last has ended.
#pragma once

#include <set>
#include <string>

#include "cli/wait.hpp"

namespace sidecar::cli
{

// The logins of a database that are not revoked yet.
std::set<std::string> logins_of(const Session &session, const std::string &db_id);

// Whether the sessions of these have ended.
Progress revocation_of(const Session &session, const std::string &db_id,
                       const std::set<std::string> &logins);

} // namespace sidecar::cli
