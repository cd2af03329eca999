/* Rotates and issues credentials. See rotation.hpp. */
#include "tenant/rotation.hpp"

#include "audit/audit.hpp"
#include "base/ddl.hpp"
#include "base/identifiers.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "delivery/binding.hpp"
#include "delivery/environment.hpp"
#include "delivery/publication.hpp"
#include "registry/registry.hpp"
#include "tenant/revocation.hpp"
#include "tenant/readiness.hpp"

namespace appinfra::rotation
{

static void replace(connection_builder::Builder *builder, const registry::Tenant &tenant,
                    const registry::Binding &binding, const Rotation &rotation);
static registry::Binding find_binding(const registry::Tenant &tenant, int64 id);
static bool is_being_published(int64 binding_id);

connection_builder::Connection
rotate(const Rotation &rotation)
{
    connection_builder::Connection connection = {};

    require(readiness::check_transaction());
    require(readiness::check_host());
    with_spi([&](MemoryContext caller) {
        registry::Tenant tenant = registry::lock_ready_tenant(rotation.db_id);
        registry::Binding binding =
            find_binding(tenant, binding::find(tenant.db_id, rotation.variable));
        connection_builder::Builder builder =
            connection_builder::begin(caller, tenant.db_id, tenant.database, rotation.publish);

        replace(&builder, tenant, binding, rotation);
        connection = connection_builder::end(&builder);
        audit::record("rotate_credential", tenant.db_id, connection.username,
                      audit::detail({{"variable", rotation.variable},
                                     {"publish", rotation.publish ? "true" : "false"}}));
    });
    return connection;
}

connection_builder::Connection
issue(const char *db_id, const char *access, const Interval *valid_for)
{
    static query::Query expire = {
        "UPDATE appinfra.credential SET valid_until = clock_timestamp() + $2"
        " WHERE credential_id = $1 RETURNING valid_until"};
    connection_builder::Connection connection = {};

    require(readiness::check_transaction());
    require(readiness::check_host());
    require(credential::check_access(access, "a credential"));
    with_spi([&](MemoryContext caller) {
        registry::Tenant tenant = registry::lock_ready_tenant(db_id);
        connection_builder::Builder builder =
            connection_builder::begin(caller, tenant.db_id, tenant.database, false);
        const registry::Binding none = {
            .id = 0, .access = access, .variables = 0, .service_id = nullptr, .host_id = nullptr};
        credential::Credential made =
            connection_builder::add(&builder, registry::purpose_of(tenant, none),
                                    PointerGetDatum(construct_empty_array(TEXTOID)));
        bool null;

        connection = connection_builder::end(&builder);
        if (valid_for != nullptr) {
            query::run(expire, {query::int8(made.id), query::interval(valid_for)});
            ddl::set_valid_until(made.username, DatumGetTimestampTz(query::datum_at(0, 1, &null)));
        }
        audit::record("issue_credential", tenant.db_id, connection.username,
                      audit::detail({{"access", access}}));
    });
    return connection;
}

connection_builder::Connection
create_service_user(const char *db_id, const char *service_id, const char *host_id,
                    const char *access, bool publish)
{
    static query::Query existing = {
        "SELECT FROM appinfra.binding"
        " WHERE db_id = $1 AND service_id = $2 AND host_id = $3 AND NOT ended"};
    connection_builder::Connection connection = {};

    require(readiness::check_transaction());
    require(readiness::check_host());
    require(credential::check_access(access, "a service user"));
    with_spi([&](MemoryContext caller) {
        registry::Tenant tenant = registry::lock_ready_tenant(db_id);
        binding::Place place = binding::of_service(tenant.app_id, service_id, host_id);
        registry::Binding made = {.id = 0,
                                  .access = access,
                                  .variables = place.variables,
                                  .service_id = service_id,
                                  .host_id = host_id};

        if (query::run(existing, {query::text(tenant.db_id), query::text(service_id),
                                  query::text(host_id)}) > 0)
            raise(refuse(ERRCODE_DUPLICATE_OBJECT,
                         psprintf("service \"%s\" on host \"%s\" has a user already",
                                  identifiers::excerpt(service_id), identifiers::excerpt(host_id)),
                         nullptr, "appinfra.drop_service_user() first, to make another."));
        require(binding::reserve(place));
        made.id = binding::create(place, tenant.db_id, access);
        connection_builder::Builder builder =
            connection_builder::begin(caller, tenant.db_id, tenant.database, publish);
        connection_builder::add(&builder, registry::purpose_of(tenant, made), place.variables);
        connection = connection_builder::end(&builder);
        audit::record("create_service_user", tenant.db_id, connection.username,
                      audit::detail({{"service_id", service_id}, {"host_id", host_id}}));
    });
    return connection;
}

void
drop_service_user(const char *db_id, const char *service_id, const char *host_id)
{
    static query::Query select = {
        "SELECT binding_id FROM appinfra.binding"
        " WHERE db_id = $1 AND service_id = $2 AND host_id = $3 AND NOT ended"};

    require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        registry::Tenant tenant = registry::lock_tenant(db_id);

        if (query::run(select, {query::text(tenant.db_id), query::text(service_id),
                                query::text(host_id)}) != 1)
            raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                         psprintf("service \"%s\" on host \"%s\" has no user here",
                                  identifiers::excerpt(service_id), identifiers::excerpt(host_id)),
                         nullptr, "Look at appinfra.bindings."));
        int64 binding = query::int8_at(0, 1);
        revocation::revoke_binding(tenant, binding, "service user dropped", true);
        audit::record("drop_service_user", tenant.db_id, nullptr,
                      audit::detail({{"service_id", service_id}, {"host_id", host_id}}));
    });
}

void
set_rotation(const char *db_id, const Interval *rotate_after)
{
    static query::Query update = {"UPDATE appinfra.tenant SET rotate_after = $2 WHERE db_id = $1"
                                  " RETURNING rotate_after::text"};

    require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        registry::Tenant tenant = registry::lock_tenant(db_id);

        query::run(update, {query::text(tenant.db_id), query::interval(rotate_after)});
        audit::record("set_rotation", tenant.db_id, nullptr,
                      audit::detail({{"rotate_after", query::text_at(0, 1)}}));
    });
}

/*
 * A credential's time is between 0.8 and 1 times the interval, another part for each, so that what
 * was made at once is not rotated at once.
 */
void
rotate_due()
{
    static query::Query due = {
        "SELECT DISTINCT ON (b.binding_id) b.db_id, b.variables[1], b.binding_id"
        "  FROM appinfra.credential c JOIN appinfra.binding b USING (binding_id)"
        "  JOIN appinfra.tenant t ON t.db_id = b.db_id"
        " CROSS JOIN LATERAL (SELECT coalesce(t.rotate_after, make_interval(secs => $1)) AS after) "
        "r"
        " WHERE c.state = 'active' AND NOT b.ended AND b.service_id IS NULL AND t.status = 'ready'"
        "   AND r.after > interval '0' AND c.published_at + r.after *"
        "       (0.8 + 0.2 * (abs(hashint8(c.credential_id)::bigint) % 1000) / 1000.0)"
        "       <= clock_timestamp()"
        "   AND NOT EXISTS (SELECT FROM appinfra.publication p WHERE p.binding_id = b.binding_id"
        "                      AND p.status IN ('pending', 'claimed', 'failed'))"
        " LIMIT 20"};

    in_transaction([&](MemoryContext) {
        uint64 count = query::run(due, {query::float8(settings::rotate_after)});
        SPITupleTable *rows = SPI_tuptable;

        for (uint64 i = 0; i < count; i++) {
            const Rotation rotation = {.db_id = SPI_getvalue(rows->vals[i], rows->tupdesc, 1),
                                       .variable = SPI_getvalue(rows->vals[i], rows->tupdesc, 2),
                                       .grace = nullptr,
                                       .deadline = nullptr,
                                       .publish = true};
            const Failure *failure = attempt_part([&] { rotate(rotation); });

            if (failure != nullptr)
                ereport(LOG, (errmsg("could not rotate \"%s\" of \"%s\": %s", rotation.variable,
                                     rotation.db_id, failure->message)));
        }
    });
}

/* Makes the successor of the binding's credential, and starts the predecessor's retirement. */
static void
replace(connection_builder::Builder *builder, const registry::Tenant &tenant,
        const registry::Binding &binding, const Rotation &rotation)
{
    static query::Query waiting = {
        "SELECT credential_id, role_name::text FROM appinfra.credential c"
        " WHERE binding_id = $1 AND state = 'waiting' AND " NEWEST_OF_BINDING
        " ORDER BY credential_id LIMIT 1"};

    if (rotation.publish && query::run(waiting, {query::int8(binding.id)}) == 1) {
        /* nobody has received the one that waits: it is new enough */
        const char *username = query::text_at(0, 2);

        publication::enqueue(binding.id, query::int8_at(0, 1), rotation.grace, rotation.deadline);
        connection_builder::add_waiting(builder, username, binding.variables);
        return;
    }
    if (!rotation.publish && is_being_published(binding.id))
        raise(refuse(ERRCODE_OBJECT_IN_USE,
                     psprintf("variable \"%s\" is being published just now", rotation.variable),
                     "What is published would be older than what this call returns.",
                     "Try again when it is published, or pass publish => true."));
    credential::Credential made =
        connection_builder::add(builder, registry::purpose_of(tenant, binding), binding.variables,
                                rotation.grace, rotation.deadline);
    if (!rotation.publish)
        credential::replace_older(binding.id, made.id, rotation.grace, rotation.deadline);
}

static registry::Binding
find_binding(const registry::Tenant &tenant, int64 id)
{
    for (const registry::Binding &binding : registry::bindings_of(tenant.db_id, false))
        if (binding.id == id)
            return binding;
    elog(ERROR, "binding " INT64_FORMAT " has vanished", id);
}

static bool
is_being_published(int64 binding_id)
{
    static query::Query select = {
        "SELECT FROM appinfra.publication"
        " WHERE binding_id = $1 AND status IN ('pending', 'claimed') LIMIT 1"};

    return query::run(select, {query::int8(binding_id)}) > 0;
}

} // namespace appinfra::rotation
