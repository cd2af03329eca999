/* Provisions buckets. See provision.hpp. */
#include "bucket/provision.hpp"

#include "audit/audit.hpp"
#include "base/identifiers.hpp"
#include "base/lock.hpp"
#include "base/scope.hpp"
#include "base/secrets.hpp"
#include "base/settings.hpp"
#include "registry/companion.hpp"
#include "registry/publication.hpp"
#include "tenant/apps.hpp"
#include "tenant/readiness.hpp"

namespace appinfra::bucket_provision
{

static const Refusal *check_arguments(const Request &request);
static const Refusal *check_prefix(const char *prefix);
static const Jsonb *request_as_json(const Request &request);
static const char *find_repetition(const char *key, const Jsonb *request);
static void check_count(const char *app_id);
static bucket::Bucket add(const Request &request, const char *slug, const Jsonb *json);
static const char *replaceable(const bucket::Bucket &bucket, const binding::Place &place,
                               int64 *binding_id);

bucket_connection::Connection
provision(const Request &request)
{
    bucket_connection::Connection connection = {};

    require(readiness::check_transaction());
    require(check_arguments(request));
    with_spi([&](MemoryContext caller) {
        const Jsonb *json = request_as_json(request);
        const char *replaced;
        int64 binding_id;

        if (const char *made = find_repetition(request.idempotency_key, json)) {
            connection = bucket_connection::read(caller, made);
            return;
        }
        const char *slug = apps::admit(request.app_id, request.owner_user_id, request.slug);
        check_count(request.app_id);
        const bucket::Bucket bucket = add(request, slug, json);
        replaced = take_variables(bucket, &binding_id);
        if (request.publish)
            publication::enqueue(binding_id, 0);
        else
            bucket::raise_generation(bucket.id);
        connection = bucket_connection::read(caller, bucket.id, replaced);
        audit::record("provision_bucket", bucket.id, nullptr,
                      audit::detail({{"app_id", request.app_id},
                                     {"slug", slug},
                                     {"bucket_name", bucket.name},
                                     {"env_prefix", request.env_prefix},
                                     {"replaced_bucket_id", replaced},
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
        refusal = check_prefix(request.env_prefix);
    if (refusal == nullptr)
        refusal = check_quota(request.quota);
    if (refusal == nullptr && request.idempotency_key != nullptr)
        refusal = identifiers::check_idempotency_key(request.idempotency_key);
    if (refusal == nullptr && settings::s3_endpoint[0] == '\0')
        refusal =
            refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "appinfra.s3_endpoint is not set",
                   "A bucket needs the URL by which applications reach the object store.",
                   "ALTER SYSTEM SET appinfra.s3_endpoint = '...'; SELECT pg_reload_conf();");
    return refusal;
}

/* A prefix is that of variables, and none of theirs may be one that is not published. */
static const Refusal *
check_prefix(const char *prefix)
{
    constexpr size_t limit = 100;

    if (*prefix == '\0' || strlen(prefix) > limit || (*prefix >= '0' && *prefix <= '9') ||
        strspn(prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != strlen(prefix))
        return refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                      psprintf("invalid env_prefix \"%s\"", identifiers::excerpt(prefix)),
                      "An env_prefix matches ^[A-Z_][A-Z0-9_]{0,99}$.");
    for (const char *name : {"ENDPOINT", "BUCKET", "ACCESS_KEY", "SECRET_KEY", "REGION"})
        if (const Refusal *refusal = identifiers::check_variable(psprintf("%s_%s", prefix, name)))
            return refusal;
    return nullptr;
}

const Refusal *
check_quota(std::optional<int64> quota)
{
    if (quota.value_or(0) >= 0)
        return nullptr;
    return refuse(ERRCODE_INVALID_PARAMETER_VALUE, psprintf("invalid quota " INT64_FORMAT, *quota),
                  "It is a number of bytes; 0: no limit, NULL: as appinfra.bucket_quota says.");
}

/* Returns the arguments, to tell a repetition from another request. */
static const Jsonb *
request_as_json(const Request &request)
{
    static query::Query build = {
        "SELECT jsonb_build_object('app_id', $1::text, 'owner_user_id', $2::text, 'slug', $3::text,"
        "  'env_prefix', $4::text, 'quota', nullif($5::bigint, -1), 'publish', $6::boolean)"};
    query::Rows rows = query::run(
        build, {query::text(request.app_id), query::text(request.owner_user_id),
                query::text(request.slug), query::text(request.env_prefix),
                query::int8(request.quota.value_or(-1)), query::boolean(request.publish)});

    return DatumGetJsonbPCopy(rows.datum(0, 1));
}

/*
 * Returns the bucket that an earlier call with the same idempotency key made, or null. Refuses when
 * that call asked for something else, or has not ended.
 */
static const char *
find_repetition(const char *key, const Jsonb *request)
{
    static query::Query select = {
        "SELECT bucket_id, request = $2 FROM appinfra.bucket WHERE idempotency_key = $1"};

    if (key == nullptr)
        return nullptr;
    if (!lock::try_take(lock::Kind::idempotency_key, key, "bucket"))
        raise(refuse(ERRCODE_LOCK_NOT_AVAILABLE,
                     "another transaction is provisioning with the same idempotency_key", nullptr,
                     "Repeat the call when that transaction has ended."));
    query::Rows found = query::run(select, {query::text(key), query::jsonb(request)});
    if (found.count == 0)
        return nullptr;
    if (!found.boolean(0, 2)) {
        Refusal reused = *refuse(
            ERRCODE_INVALID_PARAMETER_VALUE,
            psprintf("idempotency_key \"%s\" was used with other arguments", key),
            psprintf("It made \"%s\".", found.text(0, 1)), "Use a new key for a new bucket.");
        reused.constraint = "idempotency_key"; /* the sidecar tells it from other arguments so */
        raise(&reused);
    }
    return found.text(0, 1);
}

/* Refuses a bucket more than an app may have; one transaction at a time counts. */
static void
check_count(const char *app_id)
{
    static query::Query select = {
        "SELECT count(*) FROM appinfra.bucket WHERE app_id = $1 AND status <> 'dropped'"};

    if (!lock::try_take(lock::Kind::buckets, app_id))
        raise(refuse(ERRCODE_LOCK_NOT_AVAILABLE,
                     psprintf("another transaction is providing a bucket for app \"%s\"",
                              identifiers::excerpt(app_id)),
                     nullptr, "Repeat the call when that transaction has ended."));
    int64 count = query::run(select, {query::text(app_id)}).int8(0, 1);
    if (count >= settings::buckets_per_app)
        raise(refuse(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
                     psprintf("app \"%s\" has " INT64_FORMAT " buckets",
                              identifiers::excerpt(app_id), count),
                     psprintf("An app may have %d.", settings::buckets_per_app),
                     "appinfra.deprovision_bucket() removes one; appinfra.buckets_per_app is the "
                     "limit."));
}

/* Writes the row of the bucket, under a name that none has had. */
static bucket::Bucket
add(const Request &request, const char *slug, const Jsonb *json)
{
    static query::Query known = {"SELECT FROM appinfra.bucket WHERE bucket_name = $1"};
    const char *id = psprintf("buk-%.13s", secrets::random_hex(7));
    const char *name = bucket::choose_name(slug);

    while (query::run(known, {query::text(name)}).count > 0)
        name = bucket::choose_name(slug);
    bucket::add({.id = id,
                 .app_id = request.app_id,
                 .owner_user_id = request.owner_user_id,
                 .slug = slug,
                 .name = name,
                 .env_prefix = request.env_prefix,
                 .quota = request.quota,
                 .idempotency_key = request.idempotency_key,
                 .request = json});
    return bucket::lock(id);
}

const char *
take_variables(const bucket::Bucket &bucket, int64 *binding_id)
{
    const binding::Place place = bucket_connection::place_of(bucket);
    int64 former = 0;
    const char *replaced = replaceable(bucket, place, &former);

    require(companion::check_free(place.variables));
    if (replaced != nullptr) {
        if (!bucket::try_lock(replaced))
            raise(refuse(ERRCODE_LOCK_NOT_AVAILABLE,
                         psprintf("another transaction is changing bucket \"%s\"", replaced),
                         nullptr, "Repeat the call when that transaction has ended."));
        binding::lock(former);
        publication::cancel_of_binding(former);
        binding::end(former);
    }
    if (const Refusal *taken = binding::reserve(place)) {
        Refusal refusal = *taken;

        if (refusal.code == ERRCODE_UNIQUE_VIOLATION)
            refusal.hint = "Another bucket needs other variables: pass another env_prefix.";
        raise(&refusal);
    }
    *binding_id = binding::create_for_bucket(place, bucket.id);
    return replaced;
}

/* Returns the bucket of the same app and owner that holds all these variables, or null. */
static const char *
replaceable(const bucket::Bucket &bucket, const binding::Place &place, int64 *binding_id)
{
    static query::Query select = {
        "SELECT o.bucket_id, b.binding_id FROM appinfra.binding b"
        "  JOIN appinfra.bucket o USING (bucket_id)"
        " WHERE b.target = $1 AND b.variables = $2 AND NOT b.ended AND b.producer = 'storage'"
        "   AND o.app_id = $3 AND o.owner_user_id = $4 AND o.bucket_id <> $5"};
    query::Rows rows =
        query::run(select, {query::text(place.target), query::texts(place.variables),
                            query::text(bucket.app_id), query::text(bucket.owner_user_id),
                            query::text(bucket.id)});

    if (rows.count == 0)
        return nullptr;
    *binding_id = rows.int8(0, 2);
    return rows.text(0, 1);
}

} // namespace appinfra::bucket_provision
