/* Deprovisions and restores tenants, in the transaction of the caller. See retention.hpp. */
#include "tenant/retention.hpp"

#include "audit/audit.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "delivery/binding.hpp"
#include "registry/host_names.hpp"
#include "registry/registry.hpp"
#include "shmem/wakeup.hpp"
#include "tenant/revocation.hpp"
#include "tenant/readiness.hpp"

namespace appinfra::retention
{

static bool is(const registry::Tenant &tenant, const char *status);
static const Refusal *check_restorable(const registry::Tenant &tenant);
static const char *move_back(const registry::Tenant &tenant);
static int64 hold_again(const registry::Tenant &tenant, const registry::Binding &binding);

void
deprovision(const char *db_id, const Interval *retain)
{
    static query::Query mark = {
        "UPDATE appinfra.tenant SET status = 'retiring', retain = $2, attempts = 0,"
        "       try_at = clock_timestamp(), retained_until = clock_timestamp() + $2"
        " WHERE db_id = $1"};
    static query::Query keep_bindings = {
        "UPDATE appinfra.binding SET restorable = true WHERE db_id = $1 AND NOT ended"};

    require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        registry::Tenant tenant = registry::lock_tenant(db_id);

        if (!is(tenant, "ready") && !is(tenant, "revoked"))
            return;
        query::run(keep_bindings, {query::text(tenant.db_id)});
        for (const registry::Binding &binding : registry::bindings_of(tenant.db_id, false))
            revocation::revoke_binding(tenant, binding.id, "deprovisioned", false);
        revocation::revoke_all(tenant, "deprovisioned");
        query::run(mark, {query::text(tenant.db_id), query::interval(retain)});
        wakeup::wake_at_commit(wakeup::Work::housekeeping);
        audit::record("deprovision_tenant", tenant.db_id, nullptr);
    });
}

connection_builder::Connection
restore(const char *db_id, bool publish)
{
    static query::Query mark = {
        "UPDATE appinfra.tenant SET status = 'ready', database = $2::name, retain = NULL,"
        "       retained_until = NULL, last_error = NULL,"
        "       wanted_name = $2::name, notes = CASE WHEN wanted_name <> $2::name"
        "         THEN 'was ' || wanted_name || ' until that name was taken' ELSE notes END"
        " WHERE db_id = $1"};
    connection_builder::Connection connection = {};

    require(readiness::check_transaction());
    require(readiness::check_host());
    require(readiness::check_guard());
    with_spi([&](MemoryContext caller) {
        registry::Tenant tenant = registry::lock_tenant(db_id);

        require(check_restorable(tenant));
        bool was_ended = !is(tenant, "revoked");
        const char *database = is(tenant, "retained") ? move_back(tenant) : tenant.database;
        std::span<const registry::Binding> bindings =
            registry::bindings_of(tenant.db_id, was_ended);

        query::run(mark, {query::text(tenant.db_id), query::text(database)});
        tenant.database = database;
        connection_builder::Builder builder =
            connection_builder::begin(caller, tenant.db_id, database, publish);
        for (registry::Binding binding : bindings) {
            if (was_ended)
                binding.id = hold_again(tenant, binding);
            connection_builder::add(&builder, registry::purpose_of(tenant, binding),
                                    binding.variables);
        }
        connection = connection_builder::end(&builder);
        if (strcmp(database, tenant.wanted_name) != 0)
            ereport(NOTICE,
                    (errmsg("database \"%s\" is restored as \"%s\"", tenant.wanted_name, database),
                     errdetail("The name was taken meanwhile.")));
        audit::record("restore_tenant", tenant.db_id, connection.username,
                      audit::detail({{"database", database}}));
    });
    return connection;
}

static bool
is(const registry::Tenant &tenant, const char *status)
{
    return strcmp(tenant.status, status) == 0;
}

static const Refusal *
check_restorable(const registry::Tenant &tenant)
{
    if (is(tenant, "ready"))
        return refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      psprintf("database \"%s\" needs no restoring", tenant.db_id),
                      "Its status is \"ready\".",
                      "appinfra.rotate_credential() makes new credentials.");
    if (is(tenant, "dropped") || is(tenant, "dropping"))
        return refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      psprintf("database \"%s\" is dropped", tenant.db_id),
                      "The time for which it was kept is over.");
    return nullptr;
}

/* Gives a retained database its name back, or another where that is taken, and opens it. */
static const char *
move_back(const registry::Tenant &tenant)
{
    const char *database = host_names::choose(tenant.wanted_name);

    host_names::rename(tenant.database, database);
    host_names::open(database, tenant.db_id, tenant.hardening);
    return database;
}

/* Makes the ended binding anew and returns its id; refuses where its variables are taken. */
static int64
hold_again(const registry::Tenant &tenant, const registry::Binding &binding)
{
    static query::Query forget = {
        "UPDATE appinfra.binding SET restorable = false WHERE binding_id = $1"};
    binding::Place place =
        binding.service_id != nullptr
            ? binding::of_service(tenant.app_id, binding.service_id, binding.host_id)
            : binding::of_app(tenant.app_id, binding.variables);

    require(binding::reserve(place));
    query::run(forget, {query::int8(binding.id)});
    return binding::create(place, tenant.db_id, binding.access);
}

} // namespace appinfra::retention
