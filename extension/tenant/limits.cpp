/* Changes a tenant's limits. See limits.hpp. */
#include "tenant/limits.hpp"

#include "audit/audit.hpp"
#include "base/ddl.hpp"
#include "base/json.hpp"
#include "base/label.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "registry/owned.hpp"
#include "shmem/wakeup.hpp"
#include "tenant/readiness.hpp"

namespace appinfra::limits
{

/* What PostgreSQL takes as a limit of connections; -1 and 0 are no limits of a tenant. */
constexpr int32 connections_limit = 262143;

static const Refusal *check(const tenant::Limits &limits);
static bool is_empty(const tenant::Limits &limits);
static void apply_to_login(void *self, Oid role, const label::Label &label);
static const char *text_of(std::optional<int32> limit);
static const Jsonb *detail_of(const tenant::Limits &limits, const char *expires_at);

void
alter(const char *db_id, const tenant::Limits &limits, const Interval *expires)
{
    require(readiness::check_transaction());
    if (expires == nullptr && is_empty(limits))
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE, "nothing is to be changed",
                     "Each limit is NULL, which leaves it as it is."));
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
        const char *end = expires != nullptr ? tenant::set_expiry(tenant.db_id, expires) : nullptr;
        if (expires != nullptr && end == nullptr)
            end = "never";
        if (limits.disk)
            wakeup::wake_at_commit(wakeup::Work::limits);
        const Jsonb *detail = detail_of(limits, end);
        audit::record("alter_tenant", tenant.db_id, nullptr, detail);
    });
}

static const Refusal *
check(const tenant::Limits &limits)
{
    int idle_limit = settings::tenant_idle_in_transaction_timeout;

    if (limits.disk && *limits.disk < -1)
        return refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                      psprintf("invalid disk_limit " INT64_FORMAT, *limits.disk),
                      "It is a number of bytes; 0: none, -1: appinfra.tenant_disk_limit.");
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

static bool
is_empty(const tenant::Limits &limits)
{
    return !limits.connections && !limits.statement_timeout &&
           !limits.idle_in_transaction_timeout && !limits.disk;
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

/* Returns what was asked for. What only some hosts use is left out where it is not given. */
static const Jsonb *
detail_of(const tenant::Limits &limits, const char *expires_at)
{
    json::Object detail;

    json::begin(&detail);
    json::add(&detail, "connection_limit", text_of(limits.connections));
    json::add(&detail, "statement_timeout", text_of(limits.statement_timeout));
    json::add(&detail, "idle_in_transaction_timeout", text_of(limits.idle_in_transaction_timeout));
    if (limits.disk)
        json::add(&detail, "disk_limit",
                  static_cast<const char *>(psprintf(INT64_FORMAT, *limits.disk)));
    if (expires_at != nullptr)
        json::add(&detail, "expires_at", expires_at);
    return json::end(&detail);
}

} // namespace appinfra::limits
