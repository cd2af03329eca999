/* Writes what sessions start with. See login_settings.hpp. */
#include "registry/login_settings.hpp"

#include "base/settings.hpp"
#include "registry/owned.hpp"
#include "registry/tenant.hpp"

namespace appinfra::login_settings
{

static tenant::Limits limits_of(const char *username);
static void copy_tenants(const char *username);

void
write(const char *username, const char *group, const char *access,
      std::span<const ddl::Setting> more)
{
    const char *parallel = psprintf("%d", settings::tenant_parallel_workers);
    const tenant::Limits limits = limits_of(username);
    const ddl::Setting ours[] = {
        {"role", group},
        {"statement_timeout",
         psprintf("%d", limits.statement_timeout.value_or(settings::tenant_statement_timeout))},
        {"idle_in_transaction_session_timeout",
         psprintf("%d", limits.idle_in_transaction_timeout.value_or(
                            settings::tenant_idle_in_transaction_timeout))},
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
    copy_tenants(username);
}

/* Returns the limits of the tenant whose login it is. */
static tenant::Limits
limits_of(const char *username)
{
    label::Label label;

    if (!label::of_role(get_role_oid(username, false), &label))
        return {};
    return tenant::read_limits(label.db_id);
}

void
set_tag(LOCKTAG *tag, Oid database)
{
    SET_LOCKTAG_OBJECT(*tag, database, DbRoleSettingRelationId, database, 0);
}

/*
 * Copies what the tenant has set. A tenant's open transaction that has called tenant_set() is not
 * waited for, for the tenant could make us wait; exposures() then names the login.
 */
static void
copy_tenants(const char *username)
{
    Oid login = get_role_oid(username, false);
    label::Label label;
    LOCKTAG tag;

    if (!label::of_role(login, &label))
        return;
    Oid database = owned::database_of(label.db_id);
    Oid group = label::group(label.db_id, "owner");
    if (!OidIsValid(database) || !OidIsValid(group))
        return;
    set_tag(&tag, database);
    (void)LockAcquire(&tag, ShareLock, false, true);
    ddl::copy_settings(database, group, login);
}

} // namespace appinfra::login_settings
