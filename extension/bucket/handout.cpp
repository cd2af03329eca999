/* Begins hand-outs and records keys. See handout.hpp. */
#include "bucket/handout.hpp"

#include "audit/audit.hpp"
#include "base/identifiers.hpp"
#include "base/refusal.hpp"
#include "base/scope.hpp"
#include "base/secrets.hpp"
#include "delivery/timeline.hpp"
#include "registry/bucket_key.hpp"
#include "registry/publication.hpp"
#include "tenant/readiness.hpp"

namespace appinfra::bucket_handout
{

static void check_free(const bucket::Bucket &bucket);
static void record_held(const char *bucket_id, int64 key_id, const char *access_key);

Handout
begin(const char *bucket_id, const char *worker, const Interval *lease)
{
    static query::Query select = {
        "SELECT max(g.binding_id), b.deadline FROM appinfra.bucket b"
        "  JOIN appinfra.binding g USING (bucket_id) WHERE b.bucket_id = $1 GROUP BY b.deadline"};
    Handout handout = {};

    require(readiness::check_transaction());
    /* a key's name must not be lost before the store has it */
    ForceSyncCommit();
    with_spi([&](MemoryContext caller) {
        const bucket::Bucket bucket = bucket::lock(bucket_id);

        check_free(bucket);
        query::Rows rows = query::run(select, {query::text(bucket_id)});
        int64 binding_id = rows.int8(0, 1);
        const bucket_key::Key key = bucket_key::plan(bucket_id, binding_id);
        in_context(caller, [&] { handout.claim = secrets::random_uuid(); });
        handout.publication_id =
            publication::begin_handout(binding_id, key.id, DatumGetIntervalP(rows.datum(0, 2)),
                                       {.publication_id = 0,
                                        .version = 0,
                                        .credential_id = key.id,
                                        .worker = worker,
                                        .lease = lease,
                                        .id = handout.claim});
        audit::record("bucket_handout", bucket_id, key.access_key,
                      audit::detail({{"worker", worker}}));
        const Jsonb *storage = bucket::storage(bucket_id, key.id);
        in_context(caller, [&] { handout.storage = DatumGetJsonbPCopy(JsonbPGetDatum(storage)); });
    });
    return handout;
}

/* Refuses a bucket that gets no keys, and one at which somebody is at work. */
static void
check_free(const bucket::Bucket &bucket)
{
    static query::Query claimed = {
        "SELECT FROM appinfra.publication p JOIN appinfra.binding b USING (binding_id)"
        " WHERE b.bucket_id = $1 AND p.status = 'claimed' LIMIT 1"};

    if (!bucket::is_living(bucket.status))
        raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     psprintf("bucket \"%s\" is not ready", bucket.id),
                     psprintf("Its status is \"%s\".", states::name(bucket.status))));
    if (bucket::is_claimed(bucket.id) || query::run(claimed, {query::text(bucket.id)}).count > 0)
        raise(refuse(ERRCODE_LOCK_NOT_AVAILABLE,
                     psprintf("somebody is at work on bucket \"%s\"", bucket.id),
                     "The store is changed by one at a time.", "Repeat the call in a moment."));
}

bool
record(int64 publication_id, const pg_uuid_t *claim, const char *access_key)
{
    static query::Query owner = {
        "SELECT b.bucket_id FROM appinfra.publication p JOIN appinfra.binding b USING (binding_id)"
        " WHERE p.publication_id = $1 AND b.bucket_id IS NOT NULL"};
    static query::Query select = {
        "SELECT p.claim = $2 AND p.status = 'claimed', p.bucket_key_id,"
        "       p.claim = $2 OR $2 = ANY (p.past_claims) OR $2 = ANY (p.answered_claims)"
        "  FROM appinfra.publication p WHERE p.publication_id = $1 FOR UPDATE"};
    bool held = false;

    require(timeline::await());
    with_spi([&](MemoryContext) {
        query::Rows rows = query::run(owner, {query::id(publication_id)});

        if (rows.count == 0)
            raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                         psprintf("publication " INT64_FORMAT " of a bucket does not exist",
                                  publication_id)));
        const char *bucket_id = rows.text(0, 1);
        bucket::lock(bucket_id);
        query::Rows found = query::run(select, {query::id(publication_id), query::uuid(claim)});
        if (!found.boolean(0, 3))
            raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                         psprintf("publication " INT64_FORMAT " was never given to this claim",
                                  publication_id)));
        held = found.boolean(0, 1);
        if (held)
            record_held(bucket_id, found.int8(0, 2), access_key);
        else /* what it made is looked for, and removed */
            bucket::raise_generation(bucket_id);
    });
    return held;
}

/* The key is one of the bucket's, and the bucket is there. */
static void
record_held(const char *bucket_id, int64 key_id, const char *access_key)
{
    /* the first key comes with all that the store is to have */
    static query::Query done = {
        "UPDATE appinfra.bucket SET done_generation = generation"
        " WHERE bucket_id = $1 AND made_at IS NULL AND NOT EXISTS ("
        "       SELECT FROM appinfra.bucket_key k WHERE k.bucket_id = $1 AND k.state = 'revoked')"};

    if (!bucket_key::mark_made(key_id, access_key))
        raise(refuse(ERRCODE_UNIQUE_VIOLATION, psprintf("access key \"%s\" is another bucket's",
                                                        identifiers::excerpt(access_key))));
    query::run(done, {query::text(bucket_id)});
    bucket::mark_made(bucket_id);
    audit::record("record_bucket_key", bucket_id, access_key);
}

} // namespace appinfra::bucket_handout
