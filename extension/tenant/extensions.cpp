/* Asks for an extension in a tenant's database. See extensions.hpp. */
#include "tenant/extensions.hpp"

#include "audit/audit.hpp"
#include "base/query.hpp"
#include "base/refusal.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "tenant/entering.hpp"
#include "tenant/extension_script.hpp"
#include "tenant/readiness.hpp"
#include "workers/database_task.hpp"

namespace appinfra::extensions
{

/* What the task has told. */
struct Told {
    const char *version;
    const char *schema;
};

static const Refusal *check_name(const char *name);
static const Refusal *check_available(const char *name, const char *version);
static void on_row(void *self, size_t, std::span<const char *const> fields);
static void on_failure(void *, size_t, int code, const char *message);
static const char *hint_of(int code);

void
install(const char *db_id, const char *name, const char *version)
{
    Told told = {};

    require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        tenant::Tenant tenant = tenant::lock_ready(db_id);

        require(check_name(name));
        require(check_available(name, version));
        /* first, as long as this transaction has touched nothing that the task needs */
        const extension_script::Order order = extension_script::order_of(name, version);
        database_task::Task task =
            extension_script::task_of(order, entering::require_database(tenant));
        database_task::run_all({&task, 1}, {.row = on_row, .failure = on_failure, .self = &told});
        const Jsonb *detail = audit::detail(
            {{"extension", name}, {"version", told.version}, {"schema", told.schema}});
        audit::record("install_extension", db_id, nullptr, detail);
    });
}

/* Refuses what no tenant gets, and what the host has not allowed. */
static const Refusal *
check_name(const char *name)
{
    if (const char *reason = settings::forbidden_extension(name))
        return refuse(ERRCODE_INSUFFICIENT_PRIVILEGE,
                      psprintf("extension \"%s\" is not for tenants", name), reason);
    if (settings::is_allowed_extension(name))
        return nullptr;
    return refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  psprintf("extension \"%s\" is not allowed on this host", name),
                  psprintf("appinfra.allowed_extensions has %s.", settings::effective_extensions()),
                  "ALTER SYSTEM SET appinfra.allowed_extensions = '+name'; SELECT "
                  "pg_reload_conf(); adds one.");
}

/* Refuses an extension, or a version of it, that the server does not have. */
static const Refusal *
check_available(const char *name, const char *version)
{
    static query::Query available = {
        "SELECT FROM pg_catalog.pg_available_extensions() WHERE name = $1::name"};
    static query::Query versions = {
        "SELECT FROM pg_catalog.pg_available_extension_versions() WHERE name = $1::name"
        "   AND version = $2"};

    if (query::run(available, {query::text(name)}).count == 0)
        return refuse(ERRCODE_UNDEFINED_OBJECT, psprintf("extension \"%s\" is not available", name),
                      "The server has no such extension.",
                      "Install its package, or look for its name in pg_available_extensions.");
    if (version == nullptr ||
        query::run(versions, {query::text(name), query::text(version)}).count > 0)
        return nullptr;
    return refuse(ERRCODE_UNDEFINED_OBJECT,
                  psprintf("extension \"%s\" has no version \"%s\"", name, version), nullptr,
                  "pg_available_extension_versions has those that there are; NULL is the default.");
}

/* The fields are gone with the message. */
static void
on_row(void *self, size_t, std::span<const char *const> fields)
{
    auto *told = static_cast<Told *>(self);

    told->version = MemoryContextStrdup(CurTransactionContext, fields[0]);
    told->schema = MemoryContextStrdup(CurTransactionContext, fields[1]);
}

static void
on_failure(void *, size_t, int code, const char *message)
{
    const char *hint = hint_of(code);

    ereport(ERROR, (errcode(code), errmsg("the extension could not be installed: %s", message),
                    hint != nullptr ? errhint("%s", hint) : 0));
}

/* Returns what helps against what has failed in the database, or null. */
static const char *
hint_of(int code)
{
    switch (code) {
    case ERRCODE_DUPLICATE_OBJECT:
        return "A superuser brings it to another version by ALTER EXTENSION … UPDATE.";
    case ERRCODE_INVALID_SCHEMA_DEFINITION:
        return "The tenant renames the schema, or drops the extension that lies in it.";
    case ERRCODE_UNDEFINED_OBJECT:
        return "Install the other one by appinfra.install_extension() first.";
    case ERRCODE_LOCK_NOT_AVAILABLE:
        return "A session of the tenant may be in the way. Try again.";
    default:
        return nullptr;
    }
}

} // namespace appinfra::extensions
