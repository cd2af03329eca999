// See container.hpp.
#include "check_env/container.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "check_env/finding.hpp"

namespace sidecar
{
namespace
{

constexpr std::pair<std::string_view, Container> container_names[] = {
    {"app", Container::app},
    {"scheduler-worker", Container::scheduler_worker},
    {"migrate", Container::migrate},
    {"db-provision", Container::db_provision},
};

} // namespace

std::string_view
container_name(Container container)
{
    for (const auto &[name, one] : container_names)
        if (one == container)
            return name;
    return {};
}

std::optional<Container>
container_of(std::string_view name)
{
    for (const auto &[known, container] : container_names)
        if (known == name)
            return container;
    return std::nullopt;
}

std::string_view
lane_name(Lane lane)
{
    return lane == Lane::runtime ? "runtime" : "provisioning";
}

bool
is_forbidden_at_runtime(std::string_view name)
{
    return name == variable::root || name == "SHARED_POSTGRES_SUPERUSER_PASSWORD" ||
           name.starts_with("POSTGRES_ROOT_") || name.starts_with("APP_DB_") ||
           name.starts_with("APPINFRA_S3_ADMIN_") ||
           (name.starts_with("APPINFRA_") && name.find("DATABASE_URL") != std::string_view::npos) ||
           (name.starts_with("AGENTCOOPDB_") &&
            (name.find("DATABASE_URL") != std::string_view::npos || name.ends_with("_PASSWORD"))) ||
           name.find("_PRODUCER_TOKEN") != std::string_view::npos;
}

bool
is_superuser_name(std::string user)
{
    std::transform(user.begin(), user.end(), user.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return user == "postgres" || user == "root" || user == "admin" || user == "superuser";
}

} // namespace sidecar
