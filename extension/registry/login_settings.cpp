/* Writes what sessions start with. See login_settings.hpp. */
#include "registry/login_settings.hpp"

#include "base/settings.hpp"

namespace appinfra::login_settings
{

void
write(const char *username, const char *group, const char *access,
      std::span<const ddl::Setting> more)
{
    const char *parallel = psprintf("%d", settings::tenant_parallel_workers);
    const ddl::Setting ours[] = {
        {"role", group},
        {"statement_timeout", psprintf("%d", settings::tenant_statement_timeout)},
        {"idle_in_transaction_session_timeout",
         psprintf("%d", settings::tenant_idle_in_transaction_timeout)},
        {"temp_file_limit", psprintf("%d", settings::tenant_temp_file_limit)},
        {"max_parallel_workers", parallel},
        {"max_parallel_workers_per_gather", parallel},
        {"default_transaction_read_only", "on"}, /* readers only */
    };
    size_t count = lengthof(ours) - (strcmp(access, "reader") == 0 ? 0 : 1);
    auto *all = static_cast<ddl::Setting *>(palloc((count + more.size()) * sizeof(ddl::Setting)));

    memcpy(all, ours, count * sizeof(ddl::Setting));
    for (size_t i = 0; i < more.size(); i++)
        all[count + i] = more[i];
    ddl::set_settings(username, {all, count + more.size()});
}

} // namespace appinfra::login_settings
