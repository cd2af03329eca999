/* Checks and keeps what was found at the store. See observed.hpp. */
#include "bucket/observed.hpp"

#include "audit/audit.hpp"
#include "base/scope.hpp"
#include "bucket/connection.hpp"
#include "registry/publication.hpp"

namespace appinfra::bucket_work::observed
{

using bucket::Status;

static void revoke_returned_keys(const bucket::Bucket &bucket, const Jsonb *observed);
static void record_missing_keys(const bucket::Bucket &bucket, const Jsonb *observed);
static void record_drift(const bucket::Bucket &bucket);
static void give_up(const bucket::Bucket &bucket);

const Refusal *
check(const Jsonb *observed)
{
    static query::Query select = {
        "SELECT jsonb_typeof($1) <> 'object' OR EXISTS ("
        "  SELECT FROM jsonb_each(CASE jsonb_typeof($1) WHEN 'object' THEN $1 ELSE '{}' END) e"
        "   WHERE jsonb_typeof(e.value) <> 'null' AND CASE"
        "         WHEN e.key IN ('objects', 'bytes') THEN jsonb_typeof(e.value) <> 'number'"
        "           OR e.value::text !~ '^[0-9]{1,18}$'"
        "         WHEN e.key IN ('public', 'bucket_missing') THEN jsonb_typeof(e.value) <> "
        "'boolean'"
        "         WHEN e.key IN ('drift', 'unknown_keys', 'keys_missing')"
        "           THEN jsonb_typeof(e.value) <> 'array'"
        "             OR jsonb_path_exists(e.value, '$[*] ? (@.type() <> \"string\")')"
        "         ELSE false END)"};
    bool wrong = false;

    if (observed == nullptr)
        return nullptr;
    with_spi(
        [&](MemoryContext) { wrong = query::run(select, {query::jsonb(observed)}).boolean(0, 1); });
    if (!wrong)
        return nullptr;
    return refuse(ERRCODE_INVALID_PARAMETER_VALUE, "observed is not what is found at a store",
                  "It is an object: objects and bytes are numbers, drift, unknown_keys and "
                  "keys_missing arrays of texts, public and bucket_missing true or false.");
}

/* Returns the texts of a member, at most 100 of them, as an SQL expression. */
#define TEXTS(member)                                                                              \
    "ARRAY(SELECT left(t, 200) FROM jsonb_array_elements_text(CASE jsonb_typeof($2 -> '" member    \
    "') WHEN 'array' THEN $2 -> '" member "' ELSE '[]' END) t LIMIT 100)"

void
record(const bucket::Bucket &bucket, const Jsonb *observed)
{
    static query::Query size = {
        "UPDATE appinfra.bucket SET objects = coalesce(($2 ->> 'objects')::bigint, objects),"
        "       bytes = coalesce(($2 ->> 'bytes')::bigint, bytes) WHERE bucket_id = $1"};
    /* what a key that is being made has before it is known is no stranger */
    static query::Query update = {"UPDATE appinfra.bucket_work SET drift = " TEXTS(
        "drift") ","
                 "       unknown_keys = ARRAY(SELECT k FROM unnest(" TEXTS(
                     "unknown_keys") ") k"
                                     "         WHERE NOT EXISTS (SELECT FROM appinfra.bucket_key o "
                                     "WHERE o.access_key = k"
                                     "                              AND o.bucket_id = $1 AND "
                                     "o.state <> 'gone')),"
                                     "       public = coalesce(($2 ->> 'public')::boolean, false),"
                                     "       missing = coalesce(($2 ->> "
                                     "'bucket_missing')::boolean, false)"
                                     " WHERE bucket_id = $1 RETURNING missing"};

    revoke_returned_keys(bucket, observed);
    query::run(size, {query::text(bucket.id), query::jsonb(observed)});
    query::Rows rows = query::run(update, {query::text(bucket.id), query::jsonb(observed)});
    bool wanted = bucket.status == Status::ready || bucket.status == Status::revoked;

    record_missing_keys(bucket, observed);
    record_drift(bucket);
    if (rows.boolean(0, 1) && wanted && bucket.made)
        give_up(bucket);
}

/* The bucket is gone from the store and is not made again; nobody is owed a key of it. */
static void
give_up(const bucket::Bucket &bucket)
{
    if (int64 binding_id = bucket_connection::binding_of(bucket.id)) {
        binding::lock(binding_id);
        publication::cancel_of_binding(binding_id);
    }
    bucket::set_status(bucket.id, Status::failed, "the bucket is missing at the store");
}

/*
 * Keys that were gone are to go once more: a gateway does late what a dead sidecar has asked for,
 * and a store that is restored from a backup has what was removed since.
 */
static void
revoke_returned_keys(const bucket::Bucket &bucket, const Jsonb *observed)
{
    static query::Query select = {
        "SELECT bucket_key_id, access_key FROM appinfra.bucket_key WHERE bucket_id = $1"
        "   AND state = 'gone' AND access_key = ANY (" TEXTS("unknown_keys") ") ORDER BY 1"};
    static query::Query update = {
        "UPDATE appinfra.bucket_key SET state = 'revoked', generation = $2, gone_at = NULL"
        " WHERE bucket_key_id = $1"};
    query::Rows returned = query::run(select, {query::text(bucket.id), query::jsonb(observed)});
    int64 generation = returned.count > 0 ? bucket::raise_generation(bucket.id) : 0;

    for (uint64 i = 0; i < returned.count; i++) {
        query::run(update, {query::id(returned.int8(i, 1)), query::int8(generation)});
        audit::record("revoke_bucket_key", bucket.id, returned.text(i, 2),
                      audit::detail({{"reason", "it is at the store again"}}));
    }
}

/*
 * A secret cannot be made a second time: the hint stands in last_error. A key that nobody has told
 * to be made is not missed.
 */
static void
record_missing_keys(const bucket::Bucket &bucket, const Jsonb *observed)
{
    static query::Query mark = {
        "UPDATE appinfra.bucket_key SET last_error = CASE WHEN access_key = ANY (" TEXTS(
            "keys_missing") ")"
                            "         THEN 'it is missing at the store: rotate_bucket_key() makes "
                            "another' END"
                            " WHERE bucket_id = $1 AND state IN ('active', 'retiring')"
                            "   AND minted_at IS NOT NULL"};
    static query::Query keep = {
        "UPDATE appinfra.bucket_work SET keys_missing = ARRAY(SELECT access_key"
        "         FROM appinfra.bucket_key WHERE bucket_id = $1 AND state IN ('active', 'retiring')"
        "          AND last_error IS NOT NULL) WHERE bucket_id = $1 RETURNING "
        "cardinality(keys_missing)"};
    static query::Query tell = {
        "UPDATE appinfra.bucket SET last_error = CASE WHEN $2 > 0"
        "         THEN 'keys are missing at the store: rotate_bucket_key() makes another' END"
        " WHERE bucket_id = $1 AND status <> 'failed'"};

    query::run(mark, {query::text(bucket.id), query::jsonb(observed)});
    query::Rows rows = query::run(keep, {query::text(bucket.id)});
    query::run(tell, {query::text(bucket.id), query::int4(rows.int4(0, 1))});
}

/* Tells the audit what differed; what is still the same is not told again. */
static void
record_drift(const bucket::Bucket &bucket)
{
    static query::Query select = {
        "SELECT array_to_string(drift, '; '), array_to_string(unknown_keys, ', '),"
        "       array_to_string(keys_missing, ', '), missing, public FROM appinfra.bucket_work"
        " WHERE bucket_id = $1 AND (drift <> '{}' OR unknown_keys <> '{}' OR keys_missing <> '{}'"
        "    OR missing OR public)"};
    static query::Query told = {
        "SELECT FROM (SELECT detail FROM appinfra.audit_log WHERE db_id = $1"
        "              AND action = 'bucket_drift' ORDER BY id DESC LIMIT 1) l WHERE detail = $2"};
    query::Rows rows = query::run(select, {query::text(bucket.id)});

    if (rows.count == 0)
        return;
    const Jsonb *detail = audit::detail({{"drift", rows.text(0, 1)},
                                         {"unknown_keys", rows.text(0, 2)},
                                         {"keys_missing", rows.text(0, 3)},
                                         {"missing", rows.boolean(0, 4) ? "true" : "false"},
                                         {"public", rows.boolean(0, 5) ? "true" : "false"}});
    if (rows.text(0, 1)[0] != '\0' ||
        query::run(told, {query::text(bucket.id), query::jsonb(detail)}).count == 0)
        audit::record("bucket_drift", bucket.id, nullptr, detail);
}

} // namespace appinfra::bucket_work::observed
