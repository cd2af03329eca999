/* Provisions tenants. See tenant.hpp. */
#include "tenant.hpp"

#include "audit.hpp"
#include "credential.hpp"
#include "ddl.hpp"
#include "json.hpp"
#include "lock.hpp"
#include "names.hpp"
#include "publication.hpp"
#include "query.hpp"
#include "scope.hpp"
#include "secrets.hpp"
#include "shell.hpp"

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
static bool find_repetition(const Request &request, Connection *connection);
static const Jsonb *request_as_json(const Request &request);
static const Refusal *reserve_variables(const char *app_id, std::span<const Wanted> wanted);
static const char *choose_base(const char *slug);
static bool is_free(const char *base);
static void rename(const shell::Shell &shell, const char *base);
static void register_tenant(const Request &request, const shell::Shell &shell, const char *base);
static void bind(const Request &request, const credential::Tenant &tenant,
                 std::span<const Wanted> wanted, MemoryContext caller, Connection *connection);
static int64 insert_binding(const Request &request, const char *db_id, const Wanted &wanted);

Connection
provision(const Request &request)
{
    Connection connection = {};

    require(check_transaction());
    require(check_host());
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
        require(reserve_variables(request.app_id, wanted));
        const char *base = choose_base(request.slug);
        shell::Shell shell = shell::take();
        rename(shell, base);
        register_tenant(request, shell, base);
        in_context(caller, [&] {
            connection.db_id = pstrdup(shell.db_id);
            connection.database = pstrdup(base);
            connection.status = "ready";
        });
        bind(request, {.db_id = shell.db_id, .database = base}, wanted, caller, &connection);
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
    const Refusal *refusal = names::check_app_id(request.app_id);

    if (refusal == nullptr)
        refusal = names::check_owner(request.owner_user_id);
    if (refusal == nullptr)
        refusal = names::check_slug(request.slug);
    if (refusal == nullptr)
        refusal = names::check_engine(request.engine);
    if (refusal == nullptr && request.idempotency_key != nullptr)
        refusal = names::check_idempotency_key(request.idempotency_key);
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
    if (wanted.empty() || wanted.size() > names::variables_limit)
        return refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                      wanted.empty() ? "env names no variable" : "env names too many variables",
                      psprintf("env has %zu entries; 1 to %d are possible.", wanted.size(),
                               names::variables_limit),
                      "env maps variables to access: {\"DATABASE_URL\": \"owner\"}.");
    for (const Wanted &entry : wanted) {
        const Refusal *refusal = names::check_variable(entry.variable);

        if (refusal != nullptr)
            return refusal;
        if (entry.access == nullptr || !credential::is_access(entry.access))
            return refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                          psprintf("invalid access for environment variable \"%s\"",
                                   entry.variable),
                          entry.access != nullptr
                              ? psprintf("\"%s\" is not an access.", names::excerpt(entry.access))
                              : "The access is not a string.",
                          "Access is one of owner, writer, reader, service.");
    }
    return nullptr;
}

/*
 * Tells whether an earlier call had the same idempotency key, and fills in its tenant, without a
 * password. Refuses when that call asked for something else, or has not ended.
 */
static bool
find_repetition(const Request &request, Connection *connection)
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
    if (!query::bool_at(0, 5))
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                     psprintf("idempotency_key \"%s\" was used with other arguments", key),
                     psprintf("It made \"%s\".", query::text_at(0, 1)),
                     "Use a new key for a new database."));
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

/* Locks the variables for this app, or refuses where one of them is another tenant's. */
static const Refusal *
reserve_variables(const char *app_id, std::span<const Wanted> wanted)
{
    static query::Query select = {
        "SELECT b.db_id FROM appinfra.binding_variable v JOIN appinfra.binding b USING (binding_id)"
        " WHERE v.target = $1 AND v.variable = $2"};
    const char *target = names::app_target(app_id);

    for (const Wanted &entry : wanted) {
        if (!lock::try_take(lock::Kind::variable, entry.variable, target))
            return refuse(ERRCODE_LOCK_NOT_AVAILABLE,
                          psprintf("another transaction is providing \"%s\" for app \"%s\"",
                                   entry.variable, app_id),
                          nullptr, "Repeat the call when that transaction has ended.");
        if (query::run(select, {query::text(target), query::text(entry.variable)}) > 0)
            return refuse(ERRCODE_UNIQUE_VIOLATION,
                          psprintf("app \"%s\" already has a database in \"%s\"", app_id,
                                   entry.variable),
                          psprintf("It is \"%s\".", query::text_at(0, 1)),
                          "Another database of the same app needs another variable: pass env, for "
                          "example env => '{\"REPORTS_DATABASE_URL\": \"owner\"}'.");
    }
    return nullptr;
}

/*
 * Returns a database name for the slug that nobody has and nobody is taking: the plain one, else one
 * with a random suffix.
 */
static const char *
choose_base(const char *slug)
{
    const char *plain = names::base_of_slug(slug);
    const char *base = plain;

    while (!lock::try_take(lock::Kind::name, base) || !is_free(base)) {
        CHECK_FOR_INTERRUPTS();
        base = names::base_with_suffix(plain);
    }
    return base;
}

/*
 * Tells whether neither a database nor the roles of a tenant of that name exist, nor the registry
 * has them: one that was restored may name what this host lacks.
 */
static bool
is_free(const char *base)
{
    static query::Query registered = {"SELECT FROM appinfra.tenant WHERE database = $1::name"};

    if (OidIsValid(get_database_oid(base, true)) || OidIsValid(get_role_oid(base, true)))
        return false;
    for (const char *group : shell::groups)
        if (OidIsValid(get_role_oid(names::group(base, group), true)))
            return false;
    return query::run(registered, {query::text(base)}) == 0;
}

/* Gives the shell its name, opens its database, and marks it as a tenant's. */
static void
rename(const shell::Shell &shell, const char *base)
{
    ddl::rename_database(shell.database, base);
    for (const char *group : shell::groups)
        ddl::rename_role(names::group(shell.database, group), names::group(base, group));
    ddl::allow_connections(base, true);
    ddl::label_database(base, psprintf("%s tenant %d", shell.db_id, shell.hardening));
}

static void
register_tenant(const Request &request, const shell::Shell &shell, const char *base)
{
    static query::Query insert = {
        "INSERT INTO appinfra.tenant (db_id, app_id, owner_user_id, slug, engine, database,"
        "  database_oid, hardening, idempotency_key, request)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"};

    query::run(insert, {query::text(shell.db_id), query::text(request.app_id),
                        query::text(request.owner_user_id), query::text(request.slug),
                        query::text(request.engine), query::text(base),
                        query::oid(shell.database_oid), query::int4(shell.hardening),
                        query::text(request.idempotency_key),
                        query::jsonb(request_as_json(request))});
}

/*
 * Makes a binding and a login for each variable. With publish the login waits for its first claim;
 * otherwise its password is minted now and stands in the connection.
 */
static void
bind(const Request &request, const credential::Tenant &tenant, std::span<const Wanted> wanted,
     MemoryContext caller, Connection *connection)
{
    json::Object env;

    in_context(caller, [&] { json::begin(&env); });
    for (const Wanted &entry : wanted) {
        int64 binding = insert_binding(request, tenant.db_id, entry);
        secrets::Password password = {};

        if (!request.publish)
            secrets::mint(&password);
        credential::Credential login = credential::create(tenant, entry.access, binding,
                                                          request.publish ? nullptr : &password);
        if (request.publish)
            publication::enqueue(binding, login.id);
        in_context(caller, [&] {
            const char *url = request.publish ? nullptr
                                              : credential::dsn(login.username, password.text,
                                                                tenant.database);
            json::add(&env, entry.variable, url);
            if (&entry == &wanted.front()) {
                connection->username = pstrdup(login.username);
                connection->password = request.publish ? nullptr : pstrdup(password.text);
                connection->url = url;
            }
        });
        secrets::wipe(&password);
    }
    in_context(caller, [&] { connection->env = json::end(&env); });
}

static int64
insert_binding(const Request &request, const char *db_id, const Wanted &wanted)
{
    static query::Query insert = {
        "WITH made AS (INSERT INTO appinfra.binding (db_id, app_id, target, variables, access)"
        "              VALUES ($1, $2, $3, ARRAY[$4], $5) RETURNING binding_id)"
        " INSERT INTO appinfra.binding_variable (target, variable, binding_id)"
        " SELECT $3, $4, binding_id FROM made RETURNING binding_id"};

    query::run(insert, {query::text(db_id), query::text(request.app_id),
                        query::text(names::app_target(request.app_id)),
                        query::text(wanted.variable), query::text(wanted.access)});
    return query::int8_at(0, 1);
}

} // namespace appinfra::tenant
