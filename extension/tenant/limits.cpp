/* Changes a tenant's limits. See limits.hpp. */
#include "tenant/limits.hpp"

#include "audit/audit.hpp"
#include "base/ddl.hpp"
#include "base/label.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "registry/owned.hpp"
#include "tenant/readiness.hpp"

namespace appinfra::limits
{

/* What PostgreSQL takes as a limit of connections; -1 and 0 are no limits of a tenant. */
constexpr int32 connections_limit = 262143;

static const Refusal *check(const tenant::Limits &limits);
static void apply_to_login(void *self, Oid role, const label::Label &label);
static const char *text_of(std::optional<int32> limit);

void
alter(const char *db_id, const tenant::Limits &limits)
{
    require(readiness::check_transaction());
    require(check(limits));
    with_spi([&](MemoryContext) {
        tenant::Tenant tenant = tenant::lock_ready(db_id);

        tenant::set_limits(tenant.db_id, limits);
        if (limits.connections) {
            const owned::Object database = owned::lock_database(tenant.db_id);

            if (database.name != nullptr)
                ddl::limit_connections(database.name, *limits.connections);
        }
        label::visit_roles(tenant.db_id, apply_to_login, const_cast<tenant::Limits *>(&limits));
        const Jsonb *detail = audit::detail(
            {{"connection_limit", text_of(limits.connections)},
             {"statement_timeout", text_of(limits.statement_timeout)},
             {"idle_in_transaction_timeout", text_of(limits.idle_in_transaction_timeout)}});

        audit::record("alter_tenant", tenant.db_id, nullptr, detail);
    });
}

static const Refusal *
check(const tenant::Limits &limits)
{
    int idle_limit = settings::tenant_idle_in_transaction_timeout;

    if (!limits.connections && !limits.statement_timeout && !limits.idle_in_transaction_timeout)
        return refuse(ERRCODE_INVALID_PARAMETER_VALUE, "nothing is to be changed",
                      "Each limit is NULL, which leaves it as it is.");
    if (limits.connections && (*limits.connections < 1 || *limits.connections > connections_limit))
        return refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                      psprintf("invalid connection_limit %d", *limits.connections),
                      psprintf("It is 1 to %d.", connections_limit),
                      "appinfra.revoke_tenant() keeps everybody out.");
    /* the watchdog ends such sessions, by the host's limit */
    if (limits.idle_in_transaction_timeout && idle_limit > 0 &&
        (*limits.idle_in_transaction_timeout == 0 ||
         *limits.idle_in_transaction_timeout > idle_limit))
        return refuse(
            ERRCODE_INVALID_PARAMETER_VALUE,
            psprintf("idle_in_transaction_timeout is above the host's limit of %d ms", idle_limit),
            "appinfra.tenant_idle_in_transaction_timeout is what the watchdog ends sessions by.",
            "Choose a shorter time, or raise that setting.");
    return nullptr;
}

/* Writes what the next sessions of a login start with. */
static void
apply_to_login(void *self, Oid role, const label::Label &label)
{
    const auto *limits = static_cast<const tenant::Limits *>(self);

    if (!label::is_login(label))
        return;
    if (limits->statement_timeout)
        ddl::change_setting(InvalidOid, role, "statement_timeout",
                            text_of(limits->statement_timeout));
    if (limits->idle_in_transaction_timeout)
        ddl::change_setting(InvalidOid, role, "idle_in_transaction_session_timeout",
                            text_of(limits->idle_in_transaction_timeout));
}

static const char *
text_of(std::optional<int32> limit)
{
    return limit ? psprintf("%d", *limit) : nullptr;
}

} // namespace appinfra::limits
