/* Writes what sessions start with. See login_settings.hpp. */
#include "registry/login_settings.hpp"

#include "base/settings.hpp"
#include "registry/owned.hpp"
#include "registry/tenant.hpp"

namespace appinfra::login_settings
{

static void copy_tenants(const Login &login);

void
write(const Login &login, std::span<const ddl::Setting> more)
{
    const char *parallel = psprintf("%d", settings::tenant_parallel_workers);
    const tenant::Limits limits = tenant::read_limits(login.db_id);
    const ddl::Setting ours[] = {
        {"role", login.group},
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
    size_t count = lengthof(ours) - (strcmp(login.access, "reader") == 0 ? 0 : 1);
    auto *all = static_cast<ddl::Setting *>(palloc((count + more.size()) * sizeof(ddl::Setting)));

    memcpy(all, ours, count * sizeof(ddl::Setting));
    for (size_t i = 0; i < more.size(); i++)
        all[count + i] = more[i];
    ddl::set_settings(login.username, {all, count + more.size()});
    copy_tenants(login);
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
copy_tenants(const Login &login)
{
    const char *owners = strcmp(login.access, "owner") == 0
                             ? login.group
                             : owned::group_name(login.db_id, login.database, "owner");
    Oid database = get_database_oid(login.database, true);
    Oid group = get_role_oid(owners, true);
    LOCKTAG tag;

    if (!OidIsValid(database) || !OidIsValid(group))
        return;
    set_tag(&tag, database);
    (void)LockAcquire(&tag, ShareLock, false, true);
    ddl::copy_settings(database, group, get_role_oid(login.username, false));
}

} // namespace appinfra::login_settings
