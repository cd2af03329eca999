// The rules of the DSN contract that only a server can answer: what the users of the DSNs are able
// to do there. Pure but for the catalog it asks.
#pragma once

#include <string>
#include <vector>

#include "check_env/contract.hpp"
#include "check_env/finding.hpp"

namespace sidecar
{

// A role that a login is, or is a member of, directly or through others.
struct RoleFact {
    std::string name;
    bool is_self = false;    // the login itself
    bool is_current = false; // whom its sessions act as once they are logged in (SET role)
    bool can_login = false;
    bool superuser = false;
    bool createrole = false;
    bool createdb = false;
    bool replication = false;
    bool bypassrls = false;
};

class RoleCatalog
{
public:
    virtual ~RoleCatalog() = default;

    // The roles of a login that connects to a database; empty when there is no such role. Throws a
    // Failure when the server does not answer.
    virtual std::vector<RoleFact> roles_of(const std::string &user,
                                           const std::string &database) = 0;
};

// What is wrong with the users of a container's DSNs on the catalog's server.
Findings check_roles(const std::vector<CheckedDsn> &dsns, Container container,
                     RoleCatalog &catalog);

} // namespace sidecar
