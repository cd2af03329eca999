/* Provisions tenants. See provision.hpp. */
#include "tenant/provision.hpp"

#include "audit/audit.hpp"
#include "base/identifiers.hpp"
#include "base/lock.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "pool/shell.hpp"
#include "registry/companion.hpp"
#include "registry/host_names.hpp"
#include "tenant/apps.hpp"
#include "tenant/readiness.hpp"

namespace appinfra::provisioning
{

/* What a variable of env is to be: who holds which access in it. */
struct Wanted {
    const char *variable;
    const char *access;
    const char *via;   /* null pointer: none was asked for */
    const char *other; /* what it has beside these; null pointer: nothing */
    binding::Place place;
};

/* A database that has just become a tenant's. */
struct Claimed {
    const char *db_id;
    const char *database;
};

static const Refusal *check_arguments(const Request &request);
static std::span<const Wanted> parse_env(const Request &request);
static const Refusal *check_wanted(std::span<const Wanted> wanted);
static const Refusal *check_way(const Wanted &entry);
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
        std::span<const Wanted> wanted = parse_env(request);

        require(check_wanted(wanted));
        const Jsonb *json = request_as_json(request);
        if (find_repetition(request.idempotency_key, json, &connection, caller))
            return;
        const char *slug = apps::admit(request.app_id, request.owner_user_id, request.slug);
        for (const Wanted &entry : wanted) {
            require(companion::check_free(entry.place.variables));
            if (entry.place.pooled)
                require(settings::check_pooler());
            require(binding::reserve(entry.place));
        }
        Claimed claimed = claim_database(request, slug, json);
        connection_builder::Builder builder =
            connection_builder::begin(caller, claimed.db_id, claimed.database, request.publish);
        for (const Wanted &entry : wanted)
            connection_builder::add_binding(&builder, entry.place, entry.access);
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
    if (refusal == nullptr && !JB_ROOT_IS_OBJECT(request.env))
        refusal = refuse(ERRCODE_INVALID_PARAMETER_VALUE, "env is not a JSON object", nullptr,
                         "env maps variables to access: {\"DATABASE_URL\": \"owner\"}.");
    return refusal;
}

/* Returns the entries of env; DATABASE_URL, whose login has the plain name, comes first. */
static std::span<const Wanted>
parse_env(const Request &request)
{
    static query::Query select = {
        "SELECT e.key, CASE jsonb_typeof(w.entry -> 'access')"
        "                WHEN 'string' THEN w.entry ->> 'access' END,"
        "       CASE jsonb_typeof(w.entry -> 'via') WHEN 'string' THEN w.entry ->> 'via'"
        "            ELSE (w.entry -> 'via')::text END,"
        "       (SELECT min(k) FROM jsonb_object_keys(w.entry) k WHERE k NOT IN ('access', 'via'))"
        "  FROM jsonb_each($1) e"
        " CROSS JOIN LATERAL (SELECT CASE WHEN jsonb_typeof(e.value) = 'object' AND e.value ? 'via'"
        "                                THEN e.value ELSE jsonb_build_object('access', e.value) "
        "END"
        "                   ) w (entry)"
        " ORDER BY e.key <> 'DATABASE_URL', e.key COLLATE \"C\""};
    query::Rows rows = query::run(select, {query::jsonb(request.env)});

    return query::collect<Wanted>(rows, [&](uint64 row) {
        const char *variable = rows.text(row, 1);

        const char *via = rows.text(row, 3);
        bool pooled = via != nullptr && strcmp(via, "pooler") == 0;

        return Wanted{.variable = variable,
                      .access = rows.text(row, 2),
                      .via = via,
                      .other = rows.text(row, 4),
                      .place =
                          binding::of_app(request.app_id, binding::one_variable(variable), pooled)};
    });
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
        if (refusal == nullptr)
            refusal = check_way(entry);
        if (refusal != nullptr)
            return refusal;
    }
    return nullptr;
}

/* Refuses a way to the database that there is not, and what is no part of an entry. */
static const Refusal *
check_way(const Wanted &entry)
{
    const char *hint = "An entry is an access, or {\"access\": \"owner\", \"via\": \"pooler\"}.";

    if (entry.other != nullptr)
        return refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                      psprintf("invalid entry for environment variable \"%s\"", entry.variable),
                      psprintf("\"%s\" is no part of it.", identifiers::excerpt(entry.other)),
                      hint);
    if (entry.via != nullptr && !entry.place.pooled)
        return refuse(
            ERRCODE_INVALID_PARAMETER_VALUE,
            psprintf("invalid via for environment variable \"%s\"", entry.variable),
            psprintf("\"%s\" is not a way to the database.", identifiers::excerpt(entry.via)),
            hint);
    return nullptr;
}

/* Returns the arguments, to tell a repetition from another request. */
static const Jsonb *
request_as_json(const Request &request)
{
    static query::Query build = {
        "SELECT jsonb_build_object('app_id', $1::text, 'owner_user_id', $2::text, 'slug', $3::text,"
        "                          'engine', $4::text, 'env', $5::jsonb, 'publish', $6::boolean)"};
    query::Rows rows =
        query::run(build, {query::text(request.app_id), query::text(request.owner_user_id),
                           query::text(request.slug), query::text(request.engine),
                           query::jsonb(request.env), query::boolean(request.publish)});

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
                 .request = json});
    return {.db_id = shell.db_id, .database = database};
}

} // namespace appinfra::provisioning
