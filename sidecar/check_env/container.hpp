// Whose an environment is: the lanes, the containers of an app, and what none of them may hold.
#pragma once

#include <optional>
#include <string>
#include <string_view>

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

// The name of a container, as a person writes it, and the container of a name, if there is one.
// `any`, `other` and `platform` have none.
std::string_view container_name(Container container);
std::optional<Container> container_of(std::string_view name);
std::string_view lane_name(Lane lane);

// Whether a variable is an administrator's, which never reaches the runtime lane.
bool is_forbidden_at_runtime(std::string_view name);

// Whether a user has a name that only administrators have, in any case.
bool is_superuser_name(std::string user);

} // namespace sidecar
