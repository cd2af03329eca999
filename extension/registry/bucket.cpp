/* Reads and writes the table of buckets. See bucket.hpp. */
#include "registry/bucket.hpp"

#include "base/identifiers.hpp"
#include "base/refusal.hpp"
#include "base/secrets.hpp"
#include "base/settings.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::bucket
{

static Bucket from_row(const query::Rows &rows);

#define COLUMNS                                                                                    \
    "SELECT bucket_id, app_id, owner_user_id, bucket_name, env_prefix, status, endpoint_url,"      \
    "       region, made_at IS NOT NULL, generation FROM appinfra.bucket WHERE bucket_id = $1"     \
    "   FOR NO KEY UPDATE"

Bucket
lock(const char *bucket_id)
{
    static query::Query select = {COLUMNS};
    query::Rows rows = query::run(select, {query::text(bucket_id)});

    if (rows.count != 1)
        raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                     psprintf("bucket \"%s\" does not exist", identifiers::excerpt(bucket_id)),
                     nullptr, "Look at appinfra.buckets."));
    return from_row(rows);
}

std::optional<Bucket>
try_lock(const char *bucket_id)
{
    static query::Query select = {COLUMNS " SKIP LOCKED"};
    query::Rows rows = query::run(select, {query::text(bucket_id)});

    if (rows.count != 1)
        return std::nullopt;
    return from_row(rows);
}

static Bucket
from_row(const query::Rows &rows)
{
    return {.id = rows.text(0, 1),
            .app_id = rows.text(0, 2),
            .owner_user_id = rows.text(0, 3),
            .name = rows.text(0, 4),
            .env_prefix = rows.text(0, 5),
            .status = states::parse<Status>(rows.text(0, 6)),
            .endpoint_url = rows.text(0, 7),
            .region = rows.text(0, 8),
            .made = rows.boolean(0, 9),
            .generation = rows.int8(0, 10)};
}

void
add(const NewBucket &bucket)
{
    static query::Query insert = {
        "INSERT INTO appinfra.bucket (bucket_id, app_id, owner_user_id, slug, bucket_name,"
        "  env_prefix, quota, idempotency_key, request, backend, endpoint_url, region)"
        " VALUES ($1, $2, $3, $4, $5, $6, nullif($7, -1), $8, $9, $10, $11, $12)"};
    static query::Query work = {"INSERT INTO appinfra.bucket_work (bucket_id) VALUES ($1)"};

    query::run(insert, {query::text(bucket.id), query::text(bucket.app_id),
                        query::text(bucket.owner_user_id), query::text(bucket.slug),
                        query::text(bucket.name), query::text(bucket.env_prefix),
                        query::int8(bucket.quota.value_or(-1)), query::text(bucket.idempotency_key),
                        query::jsonb(bucket.request), query::text(settings::s3_backend_name()),
                        query::text(settings::s3_endpoint), query::text(settings::s3_region)});
    query::run(work, {query::text(bucket.id)});
}

void
rename(const char *bucket_id, const char *name)
{
    static query::Query update = {"UPDATE appinfra.bucket SET bucket_name = $2,"
                                  "       name_tries = name_tries + 1 WHERE bucket_id = $1"};

    query::run(update, {query::text(bucket_id), query::text(name)});
}

/* Some clients refuse names that begin as those of other services do. */
char *
choose_name(const char *slug)
{
    const std::string_view name = slug;
    bool reserved = name.starts_with("xn--") || name.starts_with("sthree-");

    return psprintf("%s%.*s-%s", reserved ? "b-" : "", reserved ? 54 : 56, slug,
                    secrets::random_hex(3));
}

bool
is_living(Status status)
{
    return status == Status::planned || status == Status::ready;
}

void
set_status(const char *bucket_id, Status status, const char *error)
{
    static query::Query update = {
        "UPDATE appinfra.bucket SET status = $2, last_error = $3 WHERE bucket_id = $1"};

    query::run(update,
               {query::text(bucket_id), query::text(states::name(status)), query::text(error)});
}

void
mark_made(const char *bucket_id)
{
    static query::Query update = {
        "UPDATE appinfra.bucket SET made_at = coalesce(made_at, clock_timestamp()),"
        "       status = CASE status WHEN 'planned' THEN 'ready' ELSE status END,"
        "       last_error = NULL WHERE bucket_id = $1 AND (made_at IS NULL OR status = "
        "'planned')"};

    query::run(update, {query::text(bucket_id)});
}

void
mark_retiring(const char *bucket_id, const Interval *retain)
{
    static query::Query update = {
        "UPDATE appinfra.bucket SET status = 'retiring', retain = $2,"
        "       retained_until = clock_timestamp() + $2 WHERE bucket_id = $1"};

    query::run(update, {query::text(bucket_id), query::interval(retain)});
}

const char *
move_end(const char *bucket_id, const Interval *retain)
{
    static query::Query update = {
        "UPDATE appinfra.bucket SET retain = $2, retained_until = clock_timestamp() + $2"
        " WHERE bucket_id = $1 RETURNING retained_until::text"};

    return query::run(update, {query::text(bucket_id), query::interval(retain)}).text(0, 1);
}

void
mark_restored(const char *bucket_id)
{
    static query::Query update = {
        "UPDATE appinfra.bucket SET retain = NULL, retained_until = NULL, last_error = NULL,"
        "       status = CASE WHEN made_at IS NULL THEN 'planned' ELSE 'ready' END"
        " WHERE bucket_id = $1"};

    query::run(update, {query::text(bucket_id)});
}

int64
raise_generation(const char *bucket_id)
{
    static query::Query update = {"UPDATE appinfra.bucket SET generation = generation + 1"
                                  " WHERE bucket_id = $1 RETURNING generation"};
    static query::Query due = {
        "UPDATE appinfra.bucket_work SET try_at = clock_timestamp(), attempts = 0,"
        "       since = coalesce(since, clock_timestamp()) WHERE bucket_id = $1"};
    int64 generation = query::run(update, {query::text(bucket_id)}).int8(0, 1);

    query::run(due, {query::text(bucket_id)});
    wakeup::wake_at_commit(wakeup::Work::publications);
    return generation;
}

Jsonb *
storage(const char *bucket_id, int64 mint)
{
    /* only what is planned is ever made: a bucket that has vanished is a loss that is to be seen */
    static query::Query select = {
        "SELECT jsonb_build_object('backend', b.backend, 'bucket_id', b.bucket_id,"
        "   'bucket_name', b.bucket_name, 'region', b.region,"
        "   'present', b.status NOT IN ('dropping', 'dropped'),"
        "   'made', b.made_at IS NOT NULL OR b.status <> 'planned',"
        "   'quota', nullif(coalesce(b.quota, $3), 0), 'owner_check', true,"
        "   'suspended', b.status NOT IN ('planned', 'ready', 'failed'),"
        "   'principals', (SELECT jsonb_agg(jsonb_build_object('name', b.bucket_id || a.suffix,"
        "       'access', a.access, 'keys', (SELECT coalesce(jsonb_agg(jsonb_build_object("
        "         'access_key', k.access_key, 'state',"
        "         CASE k.state WHEN 'revoked' THEN 'unwanted' ELSE 'wanted' END)"
        "         ORDER BY k.bucket_key_id), '[]') FROM appinfra.bucket_key k"
        "        WHERE k.bucket_id = b.bucket_id AND k.access = a.access AND k.state <> 'gone'))"
        "       ORDER BY a.suffix DESC)"
        "      FROM (VALUES ('writer', '-w'), ('reader', '-r')) a (access, suffix)),"
        "   'mint', (SELECT jsonb_build_object('name', k.principal, 'access_key', k.access_key)"
        "              FROM appinfra.bucket_key k WHERE k.bucket_key_id = $2))"
        "  FROM appinfra.bucket b WHERE b.bucket_id = $1"};
    query::Rows rows =
        query::run(select, {query::text(bucket_id), query::id(mint),
                            query::int8(static_cast<int64>(settings::bucket_quota) * 1024 * 1024)});

    return DatumGetJsonbPCopy(rows.datum(0, 1));
}

bool
is_claimed(const char *bucket_id)
{
    static query::Query select = {
        "SELECT FROM appinfra.bucket_work WHERE bucket_id = $1 AND claim IS NOT NULL"
        "    AND lease_until >= clock_timestamp()"
        " UNION ALL SELECT FROM appinfra.publication p JOIN appinfra.binding b USING (binding_id)"
        "  WHERE b.bucket_id = $1 AND p.status = 'claimed' AND p.kind <> 'unset'"
        "    AND p.lease_until >= clock_timestamp()"};

    return query::run(select, {query::text(bucket_id)}).count > 0;
}

const char *
living_of(const char *app_id)
{
    static query::Query select = {"SELECT bucket_id FROM appinfra.bucket WHERE app_id = $1"
                                  "   AND status <> 'dropped' ORDER BY created_at LIMIT 1"};
    const query::Rows rows = query::run(select, {query::text(app_id)});

    return rows.count > 0 ? rows.text(0, 1) : nullptr;
}

void
set_owner_of(const char *app_id, const char *owner_user_id)
{
    static query::Query update = {"UPDATE appinfra.bucket SET owner_user_id = $2 WHERE app_id = $1"
                                  "   AND status <> 'dropped'"};

    query::run(update, {query::text(app_id), query::text(owner_user_id)});
}

void
keep_after_loss()
{
    static query::Query update = {
        "UPDATE appinfra.bucket SET generation = generation + 1,"
        "       retained_until = greatest(retained_until, clock_timestamp() + retain)"
        " WHERE status NOT IN ('planned', 'dropped', 'failed')"};

    query::run(update);
}

} // namespace appinfra::bucket
