/* Finds tenants and bindings. See registry.hpp. */
#include "registry/registry.hpp"

#include "base/identifiers.hpp"
#include "base/query.hpp"

namespace appinfra::registry
{

Tenant
lock_tenant(const char *db_id)
{
    static query::Query select = {
        "SELECT db_id, app_id, slug, database::text, wanted_name::text, status, hardening"
        "  FROM appinfra.tenant WHERE db_id = $1 FOR NO KEY UPDATE"};

    if (query::run(select, {query::text(db_id)}) != 1)
        raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                     psprintf("database \"%s\" does not exist", identifiers::excerpt(db_id)),
                     nullptr, "Look at appinfra.databases."));
    return {.db_id = query::text_at(0, 1),
            .app_id = query::text_at(0, 2),
            .slug = query::text_at(0, 3),
            .database = query::text_at(0, 4),
            .wanted_name = query::text_at(0, 5),
            .status = query::text_at(0, 6),
            .hardening = query::int4_at(0, 7)};
}

Tenant
lock_ready_tenant(const char *db_id)
{
    Tenant tenant = lock_tenant(db_id);

    if (strcmp(tenant.status, "ready") != 0)
        raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     psprintf("database \"%s\" is not ready", tenant.db_id),
                     psprintf("Its status is \"%s\".", tenant.status),
                     strcmp(tenant.status, "dropped") == 0
                         ? nullptr
                         : "appinfra.restore_tenant() makes it ready again."));
    return tenant;
}

std::span<const Binding>
bindings_of(const char *db_id, bool ended)
{
    static query::Query select = {
        "SELECT DISTINCT ON (target, variables) binding_id, access, variables, service_id, host_id"
        "  FROM appinfra.binding WHERE db_id = $1 AND (NOT ended OR (restorable AND $2))"
        " ORDER BY target, variables, binding_id DESC"};
    uint64 count = query::run(select, {query::text(db_id), query::boolean(ended)});
    auto *bindings = static_cast<Binding *>(palloc((count + 1) * sizeof(Binding)));
    bool null;

    for (uint64 i = 0; i < count; i++)
        bindings[i] = {.id = query::int8_at(i, 1),
                       .access = query::text_at(i, 2),
                       .variables = query::datum_at(i, 3, &null),
                       .service_id = query::text_at(i, 4),
                       .host_id = query::text_at(i, 5)};
    return {bindings, count};
}

credential::Purpose
purpose_of(const Tenant &tenant, const Binding &binding)
{
    return {.db_id = tenant.db_id,
            .database = tenant.database,
            .access = binding.access,
            .binding_id = binding.id,
            .service_id = binding.service_id,
            .host_id = binding.host_id};
}

} // namespace appinfra::registry
