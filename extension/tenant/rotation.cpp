/* Rotates and issues credentials. See rotation.hpp. */
#include "tenant/rotation.hpp"

#include "audit/audit.hpp"
#include "base/ddl.hpp"
#include "base/identifiers.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "registry/binding.hpp"
#include "delivery/environment.hpp"
#include "registry/publication.hpp"
#include "registry/published_key.hpp"
#include "registry/tenant.hpp"
#include "tenant/revocation.hpp"
#include "tenant/readiness.hpp"

namespace appinfra::rotation
{

static bool is_service(const Rotation &rotation);
static bool is_zero(const Interval *interval);
static binding::Binding binding_of(const tenant::Tenant &tenant, const Rotation &rotation);
static const binding::Binding *key_binding_of(const tenant::Tenant &tenant,
                                              const Rotation &rotation);
static void replace_key(connection_builder::Builder *builder, const binding::Binding &binding,
                        const Rotation &rotation);
static const char *app_of(const tenant::Tenant &tenant, const Rotation &rotation);
static const char *name_of(const Rotation &rotation);
static void record(const Rotation &rotation, const tenant::Tenant &tenant, const char *username);

connection_builder::Connection
rotate(const Rotation &rotation)
{
    connection_builder::Connection connection = {};

    require(readiness::check_transaction());
    require(readiness::check_host());
    with_spi([&](MemoryContext caller) {
        tenant::Tenant tenant = tenant::lock_ready(rotation.db_id);
        connection_builder::Builder builder =
            connection_builder::begin(caller, tenant.db_id, tenant.database, rotation.publish);

        if (const binding::Binding *key = key_binding_of(tenant, rotation)) {
            replace_key(&builder, *key, rotation);
            connection = connection_builder::end(&builder);
            record(rotation, tenant, nullptr);
            return;
        }
        binding::Binding binding = binding_of(tenant, rotation);
        if (is_service(rotation) && is_zero(rotation.grace))
            revocation::revoke_of_binding(tenant, binding.id, "service user rotated",
                                          revocation::RoleName::freed);
        replace(&builder, tenant, binding, rotation);
        binding::forget_failures(binding.id);
        connection = connection_builder::end(&builder);
        record(rotation, tenant, connection.username);
    });
    return connection;
}

connection_builder::Connection
issue(const char *db_id, const char *access, const Interval *valid_for)
{
    connection_builder::Connection connection = {};

    require(readiness::check_transaction());
    require(readiness::check_host());
    require(credential::check_access(access, "a credential"));
    with_spi([&](MemoryContext caller) {
        tenant::Tenant tenant = tenant::lock_ready(db_id);
        connection_builder::Builder builder =
            connection_builder::begin(caller, tenant.db_id, tenant.database, false);
        credential::Credential made =
            connection_builder::add(&builder,
                                    {.db_id = tenant.db_id,
                                     .database = tenant.database,
                                     .access = access,
                                     .binding_id = 0,
                                     .service_id = nullptr,
                                     .host_id = nullptr,
                                     .pooled = false},
                                    PointerGetDatum(construct_empty_array(TEXTOID)));

        connection = connection_builder::end(&builder);
        if (valid_for != nullptr)
            credential::expire_after(made, valid_for);
        audit::record("issue_credential", tenant.db_id, connection.username,
                      audit::detail({{"access", access}}));
    });
    return connection;
}

void
set_rotation(const char *db_id, const Interval *rotate_after)
{
    require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        tenant::Tenant tenant = tenant::lock(db_id);

        const char *set = tenant::set_rotation(tenant.db_id, rotate_after);
        audit::record("set_rotation", tenant.db_id, nullptr,
                      audit::detail({{"rotate_after", set}}));
    });
}

/*
 * A credential's time is between 0.8 and 1 times the interval, another part for each, so that what
 * was made at once is not rotated at once. What belongs to a tenant that another transaction has
 * locked comes later; what fails is put off, so that it does not stand before all others.
 */
void
rotate_due()
{
    static query::Query due = {
        "SELECT d.db_id, d.variable, d.binding_id, d.service_id, d.host_id, d.app_id, d.container "
        "FROM ("
        "SELECT DISTINCT ON (b.binding_id) t.db_id, b.binding_id, b.service_id, b.host_id,"
        "       b.app_id, b.container,"
        "       CASE WHEN b.service_id IS NULL THEN b.variables[1] END AS variable"
        "  FROM (SELECT credential_id AS id, binding_id, published_at FROM appinfra.credential"
        "         WHERE state = 'active'"
        "        UNION ALL SELECT number, binding_id, published_at FROM appinfra.key"
        "         WHERE revoked_at IS NULL AND expires_at IS NULL) c"
        "  JOIN appinfra.binding b USING (binding_id)"
        "  JOIN appinfra.tenant t ON t.db_id = coalesce(b.db_id, b.workspace)"
        " CROSS JOIN LATERAL (SELECT coalesce(t.rotate_after, make_interval(secs => $1)) AS after) "
        "r"
        " WHERE NOT b.ended AND t.status = 'ready'"
        "   AND b.try_at <= clock_timestamp()"
        "   AND r.after > interval '0' AND c.published_at + r.after *"
        "       (0.8 + 0.2 * (abs(hashint8(c.id)::bigint) % 1000) / 1000.0)"
        "       <= clock_timestamp()"
        "   AND NOT EXISTS (SELECT FROM appinfra.publication p WHERE p.binding_id = b.binding_id"
        "                      AND p.status IN ('pending', 'claimed', 'failed'))"
        ") d JOIN appinfra.tenant t USING (db_id) LIMIT 20 FOR NO KEY UPDATE OF t SKIP LOCKED"};

    in_transaction([&](MemoryContext) {
        query::Rows rows = query::run(due, {query::float8(settings::rotate_after)});

        for (uint64 i = 0; i < rows.count; i++) {
            const Rotation rotation = {.db_id = rows.text(i, 1),
                                       .variable = rows.text(i, 2),
                                       .service_id = rows.text(i, 4),
                                       .host_id = rows.text(i, 5),
                                       .app_id = rows.text(i, 6),
                                       .container = rows.text(i, 7),
                                       .grace = nullptr,
                                       .deadline = nullptr,
                                       .publish = true};
            const Failure *failure = attempt_part([&] { rotate(rotation); });

            if (failure == nullptr)
                continue;
            ereport(LOG, (errmsg("could not rotate %s of \"%s\": %s", name_of(rotation),
                                 rotation.db_id, failure->message)));
            binding::put_off(rows.int8(i, 3), failure->message);
        }
    });
}

static bool
is_service(const Rotation &rotation)
{
    return rotation.variable == nullptr;
}

/* Tells whether an interval is given and takes no time. */
static bool
is_zero(const Interval *interval)
{
    return interval != nullptr && interval->time == 0 && interval->day == 0 && interval->month == 0;
}

/* Returns the binding that is to be rotated, or raises 42704. */
static binding::Binding
binding_of(const tenant::Tenant &tenant, const Rotation &rotation)
{
    return is_service(rotation)
               ? binding::service_of(tenant.db_id, rotation.service_id, rotation.host_id)
               : binding::find(tenant.db_id, tenant.app_id,
                               binding::of_app(app_of(tenant, rotation),
                                               binding::one_variable(rotation.variable), false,
                                               rotation.container));
}

/* Returns the binding of an API key that is to be rotated, or null: it is none. */
static const binding::Binding *
key_binding_of(const tenant::Tenant &tenant, const Rotation &rotation)
{
    if (is_service(rotation))
        return nullptr;
    const binding::Place place =
        binding::of_app(app_of(tenant, rotation), 0, false, rotation.container);
    return published_key::find(tenant.db_id, place.target, rotation.variable);
}

/* Owes a new key to the binding: the claim makes it. */
static void
replace_key(connection_builder::Builder *builder, const binding::Binding &binding,
            const Rotation &rotation)
{
    if (!rotation.publish)
        raise(refuse(ERRCODE_FEATURE_NOT_SUPPORTED, "a published key is not handed out",
                     "The sidecar alone gets to see it.",
                     "appinfra.mint_key() makes one that is handed out."));
    publication::enqueue(binding.id, 0, rotation.grace, rotation.deadline);
    binding::forget_failures(binding.id);
    connection_builder::add_existing(builder, nullptr, binding);
}

/* Returns the app whose variable is rotated. */
static const char *
app_of(const tenant::Tenant &tenant, const Rotation &rotation)
{
    return rotation.app_id != nullptr ? rotation.app_id : tenant.app_id;
}

/* Returns what is rotated, for a message. */
static const char *
name_of(const Rotation &rotation)
{
    return is_service(rotation) ? psprintf("service \"%s\" on host \"%s\"",
                                           identifiers::excerpt(rotation.service_id),
                                           identifiers::excerpt(rotation.host_id))
                                : psprintf("variable \"%s\"", rotation.variable);
}

static void
record(const Rotation &rotation, const tenant::Tenant &tenant, const char *username)
{
    const char *publish = rotation.publish ? "true" : "false";

    if (is_service(rotation))
        audit::record("rotate_service_user", tenant.db_id, username,
                      audit::detail({{"service_id", rotation.service_id},
                                     {"host_id", rotation.host_id},
                                     {"publish", publish}}));
    else if (rotation.container == nullptr && strcmp(app_of(tenant, rotation), tenant.app_id) == 0)
        audit::record("rotate_credential", tenant.db_id, username,
                      audit::detail({{"variable", rotation.variable}, {"publish", publish}}));
    else
        audit::record("rotate_credential", tenant.db_id, username,
                      audit::detail({{"variable", rotation.variable},
                                     {"app_id", app_of(tenant, rotation)},
                                     {"container", rotation.container},
                                     {"publish", publish}}));
}

void
replace(connection_builder::Builder *builder, const tenant::Tenant &tenant,
        const binding::Binding &binding, const Rotation &rotation)
{
    if (rotation.publish) {
        credential::Credential waiting = credential::find_waiting(binding.id);

        /* nobody has received the one that waits: it is new enough */
        if (waiting.id != 0) {
            publication::enqueue(binding.id, waiting.id, rotation.grace, rotation.deadline);
            connection_builder::add_existing(builder, waiting.username, binding);
            return;
        }
    }
    if (!rotation.publish && publication::is_under_way(binding.id))
        raise(refuse(ERRCODE_OBJECT_IN_USE,
                     psprintf("%s is being published just now", name_of(rotation)),
                     "What is published would be older than what this call returns.",
                     "Try again when it is published, or pass publish => true."));
    credential::Credential made =
        connection_builder::add(builder, credential::purpose_of(tenant, binding), binding.variables,
                                rotation.grace, rotation.deadline);
    if (!rotation.publish)
        credential::retire_older(binding.id, made.id, rotation.grace, rotation.deadline);
}

} // namespace appinfra::rotation
