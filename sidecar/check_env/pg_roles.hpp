// The role catalog of a real server. Any login may read what this reads: pg_roles and
// pg_db_role_setting are open to everybody.
#pragma once

#include <string>
#include <vector>

#include "base/secret.hpp"
#include "check_env/role_rules.hpp"
#include "postgres/blocking_connection.hpp"

namespace sidecar
{

class PgRoles final : public RoleCatalog
{
public:
    // Connects; a standby is as good as any. Throws a Failure without the password in its text.
    explicit PgRoles(const Secret &conninfo);

    std::vector<RoleFact> roles_of(const std::string &user, const std::string &database) override;

private:
    BlockingConnection connection_;
};

} // namespace sidecar
