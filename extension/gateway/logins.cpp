/* Makes the logins of gateways. See logins.hpp. */
#include "gateway/logins.hpp"

#include "audit/audit.hpp"
#include "base/identifiers.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "registry/call.hpp"
#include "shmem/ending_calls.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::gateway_logins
{

constexpr int64 overlap_minutes = 5; /* in which a pool moves over to the next login */

const Refusal *
check_name(const char *gateway)
{
    if (*gateway != '\0' && strlen(gateway) <= identifiers::key_limit)
        return nullptr;
    return refuse(ERRCODE_INVALID_PARAMETER_VALUE, "invalid gateway name",
                  psprintf("A gateway's name is 1 to %d bytes.", identifiers::key_limit));
}

/* Refuses an access that no key has. */
static const Refusal *
check_access(const char *access)
{
    for (const char *of_keys : {"owner", "writer", "reader"})
        if (strcmp(access, of_keys) == 0)
            return nullptr;
    return refuse(ERRCODE_INVALID_PARAMETER_VALUE, "invalid access for a gateway's login",
                  psprintf("\"%s\" is not the access of a key.", identifiers::excerpt(access)),
                  "Access is one of owner, writer, reader.");
}

std::span<const char *const>
hello(const char *gateway)
{
    std::span<const char *> names;

    require(check_name(gateway));
    with_spi([&](MemoryContext caller) {
        std::span<const char *const> found = credential::find_gateways(gateway);

        for (const call::Running &running : call::find_running(gateway))
            ending_calls::end_if(running.pid, running.xid);
        const char *logins = psprintf("%zu", found.size());
        audit::record("gateway_hello", nullptr, nullptr,
                      audit::detail({{"gateway", gateway}, {"logins", logins}}));
        in_context(caller, [&] {
            auto *copies = static_cast<const char **>(palloc((found.size() + 1) * sizeof(char *)));
            size_t count = 0;

            for (const char *name : found)
                copies[count++] = pstrdup(name);
            names = {copies, count};
        });
    });
    return names;
}

connection_builder::Connection
make(const char *gateway, const char *db_id, const char *access)
{
    connection_builder::Connection connection = {};
    const Interval overlap = {.time = overlap_minutes * USECS_PER_MINUTE, .day = 0, .month = 0};
    const Interval lifetime = {
        .time = settings::gateway_login_lifetime * USECS_PER_SEC, .day = 0, .month = 0};

    require(check_name(gateway));
    require(check_access(access));
    with_spi([&](MemoryContext caller) {
        tenant::Tenant tenant = tenant::lock_ready(db_id);
        const credential::Purpose purpose = {.db_id = tenant.db_id,
                                             .database = tenant.database,
                                             .access = access,
                                             .binding_id = 0,
                                             .service_id = nullptr,
                                             .host_id = nullptr,
                                             .pooled = false,
                                             .gateway = gateway};
        connection_builder::Builder builder =
            connection_builder::begin(caller, tenant.db_id, tenant.database, false);

        credential::retire_gateways(purpose, &overlap);
        credential::Credential made = connection_builder::add(
            &builder, purpose, PointerGetDatum(construct_empty_array(TEXTOID)));
        connection = connection_builder::end(&builder);
        credential::expire_after(made, &lifetime);
        audit::record("gateway_login", tenant.db_id, connection.username,
                      audit::detail({{"gateway", gateway}, {"access", access}}));
    });
    return connection;
}

} // namespace appinfra::gateway_logins
