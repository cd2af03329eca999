/* Provisions tenants. See provision.hpp. */
#include "tenant/provision.hpp"

#include "audit/audit.hpp"
#include "base/identifiers.hpp"
#include "base/lock.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "pool/shell.hpp"
#include "registry/host_names.hpp"
#include "tenant/apps.hpp"
#include "tenant/readiness.hpp"
#include "tenant/wanted.hpp"

namespace appinfra::provisioning
{

/* A database that has just become a tenant's. */
struct Claimed {
    const char *db_id;
    const char *database;
};

static const Refusal *check_arguments(const Request &request);
static const Jsonb *request_as_json(const Request &request);
static bool find_repetition(const char *key, const Jsonb *request,
                            connection_builder::Connection *connection, MemoryContext caller);
static Claimed claim_database(const Request &request, const char *slug, const Jsonb *json);

connection_builder::Connection
provision(const Request &request)
{
    connection_builder::Connection connection = {};

    require(readiness::check_transaction());
    require(readiness::check_host());
    require(readiness::check_guard());
    require(check_arguments(request));
    with_spi([&](MemoryContext caller) {
        std::span<const wanted::Variable> variables = wanted::parse(request.env);

        require(wanted::check(variables, 0));
        const Jsonb *json = request_as_json(request);
        if (find_repetition(request.idempotency_key, json, &connection, caller))
            return;
        const char *slug = apps::admit(request.app_id, request.owner_user_id, request.slug);
        for (const wanted::Variable &variable : variables)
            wanted::reserve(wanted::place_of(variable, request.app_id, nullptr));
        Claimed claimed = claim_database(request, slug, json);
        connection_builder::Builder builder =
            connection_builder::begin(caller, claimed.db_id, claimed.database, request.publish);
        for (const wanted::Variable &variable : variables)
            connection_builder::add_binding(
                &builder, wanted::place_of(variable, request.app_id, nullptr), variable.access);
        connection = connection_builder::end(&builder);
        require(readiness::check_hooks());
        audit::record("provision_tenant", claimed.db_id, connection.username,
                      audit::detail({{"app_id", request.app_id},
                                     {"slug", slug},
                                     {"database", claimed.database},
                                     {"publish", request.publish ? "true" : "false"}}));
    });
    return connection;
}

/* Checks what can be checked without the registry. */
static const Refusal *
check_arguments(const Request &request)
{
    const Refusal *refusal = identifiers::check_app_id(request.app_id);

    if (refusal == nullptr)
        refusal = identifiers::check_owner(request.owner_user_id);
    if (refusal == nullptr && request.slug != nullptr)
        refusal = identifiers::check_slug(request.slug);
    if (refusal == nullptr)
        refusal = identifiers::check_engine(request.engine);
    if (refusal == nullptr && request.idempotency_key != nullptr)
        refusal = identifiers::check_idempotency_key(request.idempotency_key);
    if (refusal == nullptr)
        refusal = wanted::check_object(request.env);
    return refusal;
}

/* Returns the arguments, to tell a repetition from another request. */
static const Jsonb *
request_as_json(const Request &request)
{
    static query::Query build = {
        "SELECT jsonb_build_object('app_id', $1::text, 'owner_user_id', $2::text, 'slug', $3::text,"
        "                          'engine', $4::text, 'env', $5::jsonb, 'publish', $6::boolean)"
        "    || CASE WHEN $7::interval IS NULL THEN '{}'"
        "            ELSE jsonb_build_object('expires', $7::text) END"};
    query::Rows rows = query::run(
        build, {query::text(request.app_id), query::text(request.owner_user_id),
                query::text(request.slug), query::text(request.engine), query::jsonb(request.env),
                query::boolean(request.publish), query::interval(request.expires)});

    return DatumGetJsonbPCopy(rows.datum(0, 1));
}

/*
 * Tells whether an earlier call had the same idempotency key, and fills in its tenant, without a
 * password, in the caller's memory. Refuses when that call asked for something else, or has not
 * ended.
 */
static bool
find_repetition(const char *key, const Jsonb *request, connection_builder::Connection *connection,
                MemoryContext caller)
{
    static query::Query select = {
        "SELECT d.db_id, d.status, d.database, d.username, t.request = $2,"
        "       coalesce((SELECT jsonb_object_agg(k, NULL) FROM unnest(d.env_keys) k), '{}'),"
        "       (SELECT b.via IS NOT NULL FROM appinfra.binding b"
        "         WHERE b.db_id = d.db_id AND NOT b.ended"
        "         ORDER BY 'DATABASE_URL' = ANY (b.variables) DESC, b.binding_id LIMIT 1) IS TRUE"
        "  FROM appinfra.tenant t JOIN appinfra.databases d USING (db_id)"
        " WHERE t.idempotency_key = $1"};

    if (key == nullptr)
        return false;
    if (!lock::try_take(lock::Kind::idempotency_key, key))
        raise(refuse(ERRCODE_LOCK_NOT_AVAILABLE,
                     "another transaction is provisioning with the same idempotency_key", nullptr,
                     "Repeat the call when that transaction has ended."));
    query::Rows found = query::run(select, {query::text(key), query::jsonb(request)});
    if (found.count == 0)
        return false;
    if (!found.boolean(0, 5)) {
        Refusal reused = *refuse(
            ERRCODE_INVALID_PARAMETER_VALUE,
            psprintf("idempotency_key \"%s\" was used with other arguments", key),
            psprintf("It made \"%s\".", found.text(0, 1)), "Use a new key for a new database.");
        reused.constraint = "idempotency_key"; /* the sidecar tells it from other arguments so */
        raise(&reused);
    }
    in_context(caller, [&] {
        *connection = {.db_id = found.text(0, 1),
                       .status = found.text(0, 2),
                       .database = found.text(0, 3),
                       .username = found.text(0, 4),
                       .password = nullptr,
                       .url = nullptr,
                       .env = DatumGetJsonbPCopy(found.datum(0, 6)),
                       .pooled = found.boolean(0, 7)};
    });
    return true;
}

/* Takes a database out of the pool, names it after the slug, and writes the tenant's row. */
static Claimed
claim_database(const Request &request, const char *slug, const Jsonb *json)
{
    const char *database = host_names::choose(identifiers::base_of_slug(slug));
    shell::Shell shell = shell::take();

    host_names::rename(shell.database, database);
    host_names::open(database, shell.db_id, shell.hardening);
    tenant::add({.db_id = shell.db_id,
                 .app_id = request.app_id,
                 .owner_user_id = request.owner_user_id,
                 .slug = slug,
                 .engine = request.engine,
                 .database = database,
                 .database_oid = shell.database_oid,
                 .hardening = shell.hardening,
                 .idempotency_key = request.idempotency_key,
                 .request = json,
                 .expires = request.expires});
    return {.db_id = shell.db_id, .database = database};
}

} // namespace appinfra::provisioning
