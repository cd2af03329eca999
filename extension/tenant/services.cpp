/* Makes and drops the users of services. See services.hpp. */
#include "tenant/services.hpp"

#include "audit/audit.hpp"
#include "base/identifiers.hpp"
#include "base/scope.hpp"
#include "registry/tenant.hpp"
#include "tenant/readiness.hpp"
#include "tenant/revocation.hpp"

namespace appinfra::services
{

/* How many services one call of set() may name. */
constexpr size_t services_limit = 256;

static connection_builder::Connection make(MemoryContext caller, const tenant::Tenant &tenant,
                                           const Service &service, bool publish);
static void drop_binding(const tenant::Tenant &tenant, const binding::Binding &binding);
static std::span<const Service> parse(const Jsonb *services);
static void check(std::span<const Service> wanted);
static bool is_wanted(const binding::Binding &binding, std::span<const Service> wanted);
static const binding::Binding *find(std::span<const binding::Binding> living,
                                    const Service &service);

connection_builder::Connection
create(const char *db_id, const Service &service, bool publish)
{
    connection_builder::Connection connection = {};

    require(readiness::check_transaction());
    require(readiness::check_host());
    require(credential::check_access(service.access, "a service user"));
    with_spi([&](MemoryContext caller) {
        tenant::Tenant tenant = tenant::lock_ready(db_id);

        if (binding::find_service(tenant.db_id, service.service_id, service.host_id) != 0)
            raise(refuse(ERRCODE_DUPLICATE_OBJECT,
                         psprintf("service \"%s\" on host \"%s\" has a user already",
                                  identifiers::excerpt(service.service_id),
                                  identifiers::excerpt(service.host_id)),
                         nullptr, "appinfra.drop_service_user() first, to make another."));
        connection = make(caller, tenant, service, publish);
    });
    return connection;
}

void
drop(const char *db_id, const char *service_id, const char *host_id)
{
    require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        tenant::Tenant tenant = tenant::lock(db_id);

        drop_binding(tenant, binding::service_of(tenant.db_id, service_id, host_id));
    });
}

std::span<const Change>
set(const char *db_id, const Jsonb *services)
{
    std::span<const Change> result;

    require(readiness::check_transaction());
    require(readiness::check_host());
    with_spi([&](MemoryContext caller) {
        std::span<const Service> wanted = parse(services);
        check(wanted);
        tenant::Tenant tenant = tenant::lock_ready(db_id);
        std::span<const binding::Binding> living =
            binding::of_tenant(tenant.db_id, binding::Which::living);
        auto *changes = static_cast<Change *>(
            MemoryContextAlloc(caller, sizeof(Change) * (living.size() + wanted.size() + 1)));
        size_t count = 0;
        const auto tell = [&](const char *service_id, const char *host_id, const char *username,
                              const char *action) {
            in_context(caller, [&] {
                changes[count++] = {.service_id = pstrdup(service_id),
                                    .host_id = pstrdup(host_id),
                                    .username = username ? pstrdup(username) : nullptr,
                                    .action = action};
            });
        };

        for (const binding::Binding &binding : living)
            if (binding.service_id != nullptr && !is_wanted(binding, wanted)) {
                const char *username = credential::newest_name(binding.id);

                drop_binding(tenant, binding);
                tell(binding.service_id, binding.host_id, username, "dropped");
            }
        for (const Service &service : wanted) {
            const binding::Binding *kept = find(living, service);

            if (kept != nullptr)
                tell(service.service_id, service.host_id, credential::newest_name(kept->id),
                     "kept");
            else
                tell(service.service_id, service.host_id,
                     make(CurrentMemoryContext, tenant, service, true).username, "made");
        }
        result = {changes, count};
    });
    return result;
}

/* Makes the user of a service that has none. */
static connection_builder::Connection
make(MemoryContext caller, const tenant::Tenant &tenant, const Service &service, bool publish)
{
    binding::Place place = binding::of_service(tenant.app_id, service.service_id, service.host_id);

    require(binding::reserve(place));
    connection_builder::Builder builder =
        connection_builder::begin(caller, tenant.db_id, tenant.database, publish);
    connection_builder::add_binding(&builder, place, service.access);
    connection_builder::Connection connection = connection_builder::end(&builder);
    const Jsonb *detail =
        audit::detail({{"service_id", service.service_id}, {"host_id", service.host_id}});

    audit::record("create_service_user", tenant.db_id, connection.username, detail);
    return connection;
}

static void
drop_binding(const tenant::Tenant &tenant, const binding::Binding &binding)
{
    revocation::revoke_binding(tenant, binding.id, "service user dropped",
                               revocation::RoleName::freed);
    const Jsonb *detail =
        audit::detail({{"service_id", binding.service_id}, {"host_id", binding.host_id}});

    audit::record("drop_service_user", tenant.db_id, nullptr, detail);
}

/* Returns the services of a JSON array. What is no text becomes a null pointer, for check(). */
static std::span<const Service>
parse(const Jsonb *services)
{
    static query::Query select = {
        "SELECT CASE WHEN jsonb_typeof(e -> 'service_id') = 'string' THEN e ->> 'service_id' END,"
        "       CASE WHEN jsonb_typeof(e -> 'host_id') = 'string' THEN e ->> 'host_id' END,"
        "       CASE WHEN NOT e ? 'access' THEN 'reader'"
        "            WHEN jsonb_typeof(e -> 'access') = 'string' THEN e ->> 'access' END,"
        "       jsonb_typeof(e), (SELECT min(k) FROM jsonb_object_keys(CASE jsonb_typeof(e)"
        "         WHEN 'object' THEN e ELSE '{}' END) k"
        "         WHERE k NOT IN ('service_id', 'host_id', 'access'))"
        "  FROM jsonb_array_elements($1) WITH ORDINALITY x(e, n) ORDER BY n"};
    constexpr const char *hint = "services is [{\"service_id\": \"worker\", \"host_id\": "
                                 "\"host1\", \"access\": \"reader\"}].";

    if (!JB_ROOT_IS_ARRAY(services) || JB_ROOT_IS_SCALAR(services))
        raise(
            refuse(ERRCODE_INVALID_PARAMETER_VALUE, "services is not a JSON array", nullptr, hint));
    if (JB_ROOT_COUNT(services) > services_limit)
        raise(refuse(
            ERRCODE_INVALID_PARAMETER_VALUE, "services has too many entries",
            psprintf("It has %u; %zu are possible.", JB_ROOT_COUNT(services), services_limit),
            hint));
    query::Rows rows = query::run(select, {query::jsonb(services)});
    for (uint64 i = 0; i < rows.count; i++) {
        if (strcmp(rows.text(i, 4), "object") != 0)
            raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE, "an entry of services is not an object",
                         psprintf("Entry " UINT64_FORMAT " is not.", i + 1), hint));
        if (rows.text(i, 5) != nullptr)
            raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                         psprintf("an entry of services has a member \"%s\"",
                                  identifiers::excerpt(rows.text(i, 5))),
                         nullptr, hint));
    }
    return query::collect<Service>(rows, [&](uint64 row) {
        return Service{.service_id = rows.text(row, 1),
                       .host_id = rows.text(row, 2),
                       .access = rows.text(row, 3)};
    });
}

/* Refuses ids and accesses that are none, and a service that is named twice. */
static void
check(std::span<const Service> wanted)
{
    for (const Service &service : wanted) {
        const std::pair<const char *, const char *> ids[] = {{"service_id", service.service_id},
                                                             {"host_id", service.host_id}};

        for (const auto &[name, id] : ids) {
            if (id == nullptr)
                raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                             psprintf("an entry of services has no %s", name),
                             "It is missing, or is not a string.", nullptr));
            require(identifiers::check_service_id(name, id));
        }
        require(credential::check_access(service.access, "a service user"));
        for (const Service &earlier : wanted.first(&service - wanted.data()))
            if (strcmp(earlier.service_id, service.service_id) == 0 &&
                strcmp(earlier.host_id, service.host_id) == 0)
                raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                             psprintf("service \"%s\" on host \"%s\" is given twice",
                                      identifiers::excerpt(service.service_id),
                                      identifiers::excerpt(service.host_id)),
                             nullptr, "A service has one user on a host, with one access."));
    }
}

/* Tells whether one of the services is the binding's. */
static bool
is_wanted(const binding::Binding &binding, std::span<const Service> wanted)
{
    for (const Service &service : wanted)
        if (find({&binding, 1}, service) != nullptr)
            return true;
    return false;
}

/* Returns the binding of the service, with its access; a null pointer when it has none. */
static const binding::Binding *
find(std::span<const binding::Binding> living, const Service &service)
{
    for (const binding::Binding &binding : living)
        if (binding.service_id != nullptr && strcmp(binding.service_id, service.service_id) == 0 &&
            strcmp(binding.host_id, service.host_id) == 0 &&
            strcmp(binding.access, service.access) == 0)
            return &binding;
    return nullptr;
}

} // namespace appinfra::services
