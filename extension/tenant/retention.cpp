/* Deprovisions and restores tenants, in the transaction of the caller. See retention.hpp. */
#include "tenant/retention.hpp"

#include "audit/audit.hpp"
#include "base/scope.hpp"
#include "registry/binding.hpp"
#include "registry/host_names.hpp"
#include "shmem/wakeup.hpp"
#include "tenant/apps.hpp"
#include "tenant/revocation.hpp"
#include "tenant/readiness.hpp"

namespace appinfra::retention
{

using tenant::Status;

static void keep_until(const tenant::Tenant &tenant, const Interval *retain);
static const Refusal *check_restorable(const tenant::Tenant &tenant);
static const char *move_back(const tenant::Tenant &tenant);
static void rebind(connection_builder::Builder *builder, const tenant::Tenant &tenant,
                   const binding::Binding &binding);
static bool may_rebind(const tenant::Tenant &tenant, const binding::Binding &binding);
static Datum shown_names(const tenant::Tenant &tenant, const binding::Binding &binding);
static void tell_new_name(const char *from, const char *to);

void
deprovision(const char *db_id, const Interval *retain)
{
    require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        tenant::Tenant tenant = tenant::lock(db_id);

        if (tenant.status == Status::retained) {
            keep_until(tenant, retain);
            return;
        }
        if (tenant.status != Status::ready && tenant.status != Status::revoked)
            return;
        binding::keep_restorable(tenant.db_id);
        for (const binding::Binding &binding :
             binding::of_tenant(tenant.db_id, binding::Which::living))
            revocation::revoke_binding(tenant, binding.id, "deprovisioned",
                                       revocation::RoleName::kept);
        revocation::revoke_all(tenant, "deprovisioned");
        tenant::mark_retiring(tenant.db_id, retain);
        wakeup::wake_at_commit(wakeup::Work::housekeeping);
        audit::record("deprovision_tenant", tenant.db_id, nullptr);
    });
}

/* Moves the end of a retained tenant's time, to that interval from now. */
static void
keep_until(const tenant::Tenant &tenant, const Interval *retain)
{
    const char *until = tenant::move_end(tenant.db_id, retain);

    wakeup::wake_at_commit(wakeup::Work::housekeeping);
    audit::record("deprovision_tenant", tenant.db_id, nullptr,
                  audit::detail({{"retained_until", until}}));
}

connection_builder::Connection
restore(const char *db_id, bool publish)
{
    connection_builder::Connection connection = {};

    require(readiness::check_transaction());
    require(readiness::check_host());
    require(readiness::check_guard());
    with_spi([&](MemoryContext caller) {
        tenant::Tenant tenant = tenant::lock(db_id);

        require(check_restorable(tenant));
        /* the bindings of a tenant that was only revoked live on; others are made anew */
        bool only_revoked = tenant.status == Status::revoked;
        std::span<const binding::Binding> bindings = binding::of_tenant(
            tenant.db_id, only_revoked ? binding::Which::living : binding::Which::restorable);
        if (tenant.status == Status::retained)
            tenant.database = move_back(tenant);
        tenant::mark_restored(tenant.db_id, tenant.database);
        connection_builder::Builder builder =
            connection_builder::begin(caller, tenant.db_id, tenant.database, publish);
        for (const binding::Binding &binding : bindings) {
            if (only_revoked)
                connection_builder::add(&builder, credential::purpose_of(tenant, binding),
                                        shown_names(tenant, binding));
            else if (may_rebind(tenant, binding))
                rebind(&builder, tenant, binding);
        }
        connection = connection_builder::end(&builder);
        tell_new_name(tenant.original_name, tenant.database);
        audit::record("restore_tenant", tenant.db_id, connection.username,
                      audit::detail({{"database", tenant.database}}));
    });
    return connection;
}

/* Refuses for a tenant that is ready, and for one whose data is gone. */
static const Refusal *
check_restorable(const tenant::Tenant &tenant)
{
    if (tenant.status == Status::ready)
        return refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      psprintf("database \"%s\" needs no restoring", tenant.db_id),
                      "Its status is \"ready\".",
                      "appinfra.rotate_credential() makes new credentials.");
    if (tenant.status == Status::dropped || tenant.status == Status::dropping)
        return refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      psprintf("database \"%s\" is dropped", tenant.db_id),
                      "The time for which it was kept is over.");
    return nullptr;
}

/* Gives a retained database its name back, or another where that is taken, and opens it. */
static const char *
move_back(const tenant::Tenant &tenant)
{
    const char *database = host_names::choose(tenant.original_name);

    host_names::rename_tenant(tenant.db_id, owned::lock_database(tenant.db_id), database);
    host_names::open(database, tenant.db_id, tenant.hardening);
    return database;
}

/* Makes the ended binding anew, with a credential; refuses where its variables are taken. */
static void
rebind(connection_builder::Builder *builder, const tenant::Tenant &tenant,
       const binding::Binding &binding)
{
    binding::Place place =
        binding.service_id != nullptr
            ? binding::of_service(tenant.app_id, binding.service_id, binding.host_id)
            : binding::of_app(binding.app_id, binding.variables, binding.pooled, binding.container);

    require(binding::reserve(place));
    binding::forget_restorable(binding.id);
    connection_builder::add_binding(builder, place, binding.access, shown_names(tenant, binding));
}

/* Tells whether the app of a binding is still the owner's; if not, it is forgotten. */
static bool
may_rebind(const tenant::Tenant &tenant, const binding::Binding &binding)
{
    if (strcmp(binding.app_id, tenant.app_id) == 0 ||
        apps::is_owner(binding.app_id, tenant.owner_user_id))
        return true;
    binding::forget_restorable(binding.id);
    ereport(NOTICE, (errmsg("variable \"%s\" of app \"%s\" is not restored",
                            binding::first_variable(binding.variables), binding.app_id),
                     errdetail("The app is not the owner's any more.")));
    return false;
}

/*
 * Returns the names under which the caller gets the variables: with their target before them, where
 * that is not the app's own, because the names may come in several environments.
 */
static Datum
shown_names(const tenant::Tenant &tenant, const binding::Binding &binding)
{
    if (binding.container == nullptr && strcmp(binding.app_id, tenant.app_id) == 0)
        return binding.variables;
    return binding::one_variable(
        psprintf("%s/%s", binding.target, binding::first_variable(binding.variables)));
}

/* Tells the caller when the database could not have its name back. */
static void
tell_new_name(const char *from, const char *to)
{
    if (strcmp(from, to) != 0)
        ereport(NOTICE, (errmsg("database \"%s\" is restored as \"%s\"", from, to),
                         errdetail("The name was taken meanwhile.")));
}

} // namespace appinfra::retention
