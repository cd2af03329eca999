/* Provisions tenants. See provision.hpp. */
#include "tenant/provision.hpp"

#include "audit/audit.hpp"
#include "base/identifiers.hpp"
#include "base/lock.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "delivery/binding.hpp"
#include "delivery/environment.hpp"
#include "pool/shell.hpp"
#include "registry/host_names.hpp"
#include "tenant/readiness.hpp"

namespace appinfra::tenant
{

/* One entry of env: which access a variable is to hold. */
struct Wanted {
    const char *variable;
    const char *access;
};

static const Refusal *check_arguments(const Request &request);
static std::span<const Wanted> parse_env(Jsonb *env);
static const Refusal *check_wanted(std::span<const Wanted> wanted);
static bool find_repetition(const Request &request, connection_builder::Connection *connection);
static const Jsonb *request_as_json(const Request &request);
static void register_tenant(const Request &request, const shell::Shell &shell, const char *base);
static connection_builder::Connection bind(const Request &request, const char *db_id,
                                           const char *base, std::span<const Wanted> wanted,
                                           MemoryContext caller);

connection_builder::Connection
provision(const Request &request)
{
    connection_builder::Connection connection = {};

    require(readiness::check_transaction());
    require(readiness::check_host());
    require(readiness::check_guard());
    require(check_arguments(request));
    with_spi([&](MemoryContext caller) {
        std::span<const Wanted> wanted = parse_env(request.env);

        require(check_wanted(wanted));
        if (find_repetition(request, &connection)) {
            in_context(caller, [&] {
                for (const char **text : {&connection.db_id, &connection.status,
                                          &connection.database, &connection.username})
                    *text = *text != nullptr ? pstrdup(*text) : nullptr;
                connection.env = reinterpret_cast<Jsonb *>(
                    PG_DETOAST_DATUM_COPY(JsonbPGetDatum(connection.env)));
            });
            return;
        }
        for (const Wanted &entry : wanted)
            require(binding::reserve(
                binding::of_app(request.app_id, environment::one_variable(entry.variable))));
        const char *base = host_names::choose(identifiers::base_of_slug(request.slug));
        shell::Shell shell = shell::take();
        host_names::rename(shell.database, base);
        host_names::open(base, shell.db_id, shell.hardening);
        register_tenant(request, shell, base);
        connection = bind(request, shell.db_id, base, wanted, caller);
        require(readiness::check_hooks());
        audit::record("provision_tenant", shell.db_id, connection.username,
                      audit::detail({{"app_id", request.app_id},
                                     {"slug", request.slug},
                                     {"database", base},
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
    if (refusal == nullptr)
        refusal = identifiers::check_slug(request.slug);
    if (refusal == nullptr)
        refusal = identifiers::check_engine(request.engine);
    if (refusal == nullptr && request.idempotency_key != nullptr)
        refusal = identifiers::check_idempotency_key(request.idempotency_key);
    if (refusal == nullptr && !JB_ROOT_IS_OBJECT(request.env))
        refusal = refuse(ERRCODE_INVALID_PARAMETER_VALUE, "env is not a JSON object", nullptr,
                         "env maps variables to access: {\"DATABASE_URL\": \"owner\"}.");
    return refusal;
}

/* Returns the entries of env; DATABASE_URL, whose login has the plain name, comes first. */
static std::span<const Wanted>
parse_env(Jsonb *env)
{
    static query::Query select = {
        "SELECT e.key, CASE jsonb_typeof(e.value) WHEN 'string' THEN e.value #>> '{}' END"
        "  FROM jsonb_each($1) e ORDER BY e.key <> 'DATABASE_URL', e.key COLLATE \"C\""};
    uint64 count = query::run(select, {query::jsonb(env)});
    auto *wanted = static_cast<Wanted *>(palloc(Max(count, 1) * sizeof(Wanted)));

    for (uint64 i = 0; i < count; i++)
        wanted[i] = {.variable = query::text_at(i, 1), .access = query::text_at(i, 2)};
    return {wanted, count};
}

static const Refusal *
check_wanted(std::span<const Wanted> wanted)
{
    if (wanted.empty() || wanted.size() > identifiers::variables_limit)
        return refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                      wanted.empty() ? "env names no variable" : "env names too many variables",
                      psprintf("env has %zu entries; 1 to %d are possible.", wanted.size(),
                               identifiers::variables_limit),
                      "env maps variables to access: {\"DATABASE_URL\": \"owner\"}.");
    for (const Wanted &entry : wanted) {
        const Refusal *refusal = identifiers::check_variable(entry.variable);

        if (refusal != nullptr)
            return refusal;
        refusal = credential::check_access(entry.access,
                                           psprintf("environment variable \"%s\"", entry.variable));
        if (refusal != nullptr)
            return refusal;
    }
    return nullptr;
}

/*
 * Tells whether an earlier call had the same idempotency key, and fills in its tenant, without a
 * password. Refuses when that call asked for something else, or has not ended.
 */
static bool
find_repetition(const Request &request, connection_builder::Connection *connection)
{
    static query::Query select = {
        "SELECT d.db_id, d.status, d.database, d.username, t.request = $2,"
        "       coalesce((SELECT jsonb_object_agg(k, NULL) FROM unnest(d.env_keys) k), '{}')"
        "  FROM appinfra.tenant t JOIN appinfra.databases d USING (db_id)"
        " WHERE t.idempotency_key = $1"};
    const char *key = request.idempotency_key;

    if (key == nullptr)
        return false;
    if (!lock::try_take(lock::Kind::idempotency_key, key))
        raise(refuse(ERRCODE_LOCK_NOT_AVAILABLE,
                     "another transaction is provisioning with the same idempotency_key", nullptr,
                     "Repeat the call when that transaction has ended."));
    if (query::run(select, {query::text(key), query::jsonb(request_as_json(request))}) == 0)
        return false;
    if (!query::bool_at(0, 5)) {
        Refusal reused = *refuse(
            ERRCODE_INVALID_PARAMETER_VALUE,
            psprintf("idempotency_key \"%s\" was used with other arguments", key),
            psprintf("It made \"%s\".", query::text_at(0, 1)), "Use a new key for a new database.");
        reused.constraint = "idempotency_key"; /* the sidecar tells it from other arguments so */
        raise(&reused);
    }
    bool null;
    *connection = {.db_id = query::text_at(0, 1),
                   .status = query::text_at(0, 2),
                   .database = query::text_at(0, 3),
                   .username = query::text_at(0, 4),
                   .password = nullptr,
                   .url = nullptr,
                   .env = DatumGetJsonbPCopy(query::datum_at(0, 6, &null))};
    return true;
}

/* Returns the arguments, to tell a repetition from another request. */
static const Jsonb *
request_as_json(const Request &request)
{
    static query::Query build = {
        "SELECT jsonb_build_object('app_id', $1::text, 'owner_user_id', $2::text, 'slug', $3::text,"
        "                          'engine', $4::text, 'env', $5::jsonb, 'publish', $6::boolean)"};
    bool null;

    query::run(build, {query::text(request.app_id), query::text(request.owner_user_id),
                       query::text(request.slug), query::text(request.engine),
                       query::jsonb(request.env), query::boolean(request.publish)});
    return DatumGetJsonbPCopy(query::datum_at(0, 1, &null));
}

static void
register_tenant(const Request &request, const shell::Shell &shell, const char *base)
{
    static query::Query insert = {
        "INSERT INTO appinfra.tenant (db_id, app_id, owner_user_id, slug, engine, database,"
        "  database_oid, hardening, idempotency_key, request, wanted_name)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $6)"};

    query::run(insert,
               {query::text(shell.db_id), query::text(request.app_id),
                query::text(request.owner_user_id), query::text(request.slug),
                query::text(request.engine), query::text(base), query::oid(shell.database_oid),
                query::int4(shell.hardening), query::text(request.idempotency_key),
                query::jsonb(request_as_json(request))});
}

/* Makes a binding and a credential for each variable. */
static connection_builder::Connection
bind(const Request &request, const char *db_id, const char *base, std::span<const Wanted> wanted,
     MemoryContext caller)
{
    connection_builder::Builder builder =
        connection_builder::begin(caller, db_id, base, request.publish);

    for (const Wanted &entry : wanted) {
        Datum variable = environment::one_variable(entry.variable);
        int64 id = binding::create(binding::of_app(request.app_id, variable), db_id, entry.access);

        connection_builder::add(&builder,
                                {.db_id = db_id,
                                 .database = base,
                                 .access = entry.access,
                                 .binding_id = id,
                                 .service_id = nullptr,
                                 .host_id = nullptr},
                                variable);
    }
    return connection_builder::end(&builder);
}

} // namespace appinfra::tenant
