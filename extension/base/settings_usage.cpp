/* Defines the settings of what tenants use. Part of settings.hpp. */
#include "base/settings.hpp"

namespace appinfra::settings
{

int usage_interval;
int tenant_disk_limit;

void
define_usage()
{
    DefineCustomIntVariable(
        "appinfra.usage_interval", "How often what tenants use is written down.",
        "Sizes of databases in which nothing happens are measured once an hour.", &usage_interval,
        60, 1, 86400, PGC_SIGHUP, GUC_UNIT_S | GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "appinfra.tenant_disk_limit", "How much disk a tenant without a limit of its own may use.",
        "Beyond it what grows is refused. 0: no limit.", &tenant_disk_limit, 0, 0, INT_MAX,
        PGC_SIGHUP, GUC_UNIT_MB | GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
}

} // namespace appinfra::settings
