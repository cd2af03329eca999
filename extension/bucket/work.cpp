/* Hands out work and takes its answers. See work.hpp. */
#include "bucket/work.hpp"

#include "audit/audit.hpp"
#include "base/identifiers.hpp"
#include "base/refusal.hpp"
#include "base/scope.hpp"
#include "base/secrets.hpp"
#include "bucket/observed.hpp"
#include "delivery/timeline.hpp"
#include "registry/bucket_key.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::bucket_work
{

using bucket::Status;

/* What the claim is to the work of the bucket, whose row is locked. */
struct Found {
    bucket::Bucket bucket;
    bool held;
};

static void claim_one(const char *bucket_id, const Request &request, MemoryContext caller,
                      ReturnSetInfo *result);
static Found find(const Claim &claim);
static void answer_late(const Claim &claim);
static void finish(const bucket::Bucket &bucket, int64 generation);
static void judge_failure(const bucket::Bucket &bucket, const Failure &failure);
static void wake_waiting(const char *bucket_id);

constexpr int error_limit = 512; /* bytes kept of an error */
constexpr int name_tries_limit = 5;

void
claim(const Request &request, ReturnSetInfo *result)
{
    /* what has failed is left alone, but for keys that are to go; a store that is behind comes
     * before one that is only to be compared */
    static query::Query due = {
        "SELECT b.bucket_id FROM appinfra.bucket b JOIN appinfra.bucket_work w USING (bucket_id)"
        " WHERE b.status <> 'dropped' AND (b.status <> 'failed' OR b.made_at IS NOT NULL)"
        "   AND w.try_at <= clock_timestamp()"
        "   AND (w.claim IS NULL OR w.lease_until < clock_timestamp())"
        "   AND (b.generation > b.done_generation OR (b.made_at IS NOT NULL AND $2 IS NOT NULL"
        "        AND coalesce(w.checked_at, '-infinity') <= clock_timestamp() - $2))"
        " ORDER BY b.generation > b.done_generation DESC, w.try_at, b.bucket_id LIMIT $1"
        " FOR NO KEY UPDATE OF b SKIP LOCKED FOR UPDATE OF w SKIP LOCKED"};

    PreventCommandIfReadOnly("claim_bucket_work()");
    PreventCommandDuringRecovery("claim_bucket_work()");
    with_spi([&](MemoryContext caller) {
        if (!timeline::is_settled())
            return;
        query::Rows rows = query::run(
            due, {query::int4(request.batch), query::interval(request.check_older_than)});

        for (uint64 i = 0; i < rows.count; i++)
            if (!bucket::is_claimed(rows.text(i, 1)))
                claim_one(rows.text(i, 1), request, caller, result);
    });
}

/* Claims the work of one bucket and appends its row. A comparison alone is no action to record. */
static void
claim_one(const char *bucket_id, const Request &request, MemoryContext caller,
          ReturnSetInfo *result)
{
    static query::Query update = {
        "UPDATE appinfra.bucket_work w SET claim = $2, worker = $3, generation = b.generation,"
        "       lease_until = clock_timestamp() + $4, attempts = w.attempts + 1,"
        "       past_claims = CASE WHEN claim IS NULL THEN past_claims ELSE past_claims || claim "
        "END"
        "  FROM appinfra.bucket b WHERE b.bucket_id = $1 AND w.bucket_id = $1"
        " RETURNING b.generation, w.attempts, b.generation > b.done_generation"};
    const pg_uuid_t *claim = secrets::random_uuid();
    query::Rows rows =
        query::run(update, {query::text(bucket_id), query::uuid(claim), query::text(request.worker),
                            query::interval(request.lease)});
    Jsonb *storage = bucket::storage(bucket_id, 0);

    if (rows.boolean(0, 3))
        audit::record("claim_bucket_work", bucket_id, nullptr,
                      audit::detail({{"generation", rows.text(0, 1)}, {"worker", request.worker}}));
    in_context(caller, [&] {
        Datum values[] = {CStringGetTextDatum(bucket_id), UUIDPGetDatum(claim),
                          Int64GetDatum(rows.int8(0, 1)), JsonbPGetDatum(storage),
                          Int32GetDatum(rows.int4(0, 2))};
        bool nulls[lengthof(values)] = {};

        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    });
}

bool
extend(const Claim &claim, const Interval *lease)
{
    static query::Query update = {
        "UPDATE appinfra.bucket_work SET lease_until = clock_timestamp() + $3"
        " WHERE bucket_id = $1 AND claim = $2"};
    bool held = false;

    with_spi([&](MemoryContext) {
        held = query::run(update, {query::text(claim.bucket_id), query::uuid(claim.id),
                                   query::interval(lease)})
                   .count == 1;
    });
    return held;
}

bool
complete(const Claim &claim, int64 generation, const Jsonb *observed)
{
    static query::Query update = {
        "UPDATE appinfra.bucket_work w SET claim = NULL, lease_until = NULL, attempts = 0,"
        "       last_error = NULL, error_code = NULL, try_at = clock_timestamp(),"
        "       checked_at = clock_timestamp(),"
        "       since = CASE WHEN b.generation > b.done_generation THEN since END"
        "  FROM appinfra.bucket b WHERE w.bucket_id = $1 AND b.bucket_id = $1"};
    bool held = false;

    require(observed::check(observed));
    require(timeline::await());
    with_spi([&](MemoryContext) {
        const Found found = find(claim);

        held = found.held;
        if (!held) {
            answer_late(claim);
            return;
        }
        if (observed != nullptr)
            observed::record(found.bucket, observed);
        finish(found.bucket, Min(generation, found.bucket.generation));
        query::run(update, {query::text(claim.bucket_id)});
        wake_waiting(claim.bucket_id);
    });
    return held;
}

/* The store has the generation: keys are gone, and a bucket that waits for it goes on. */
static void
finish(const bucket::Bucket &bucket, int64 generation)
{
    static query::Query update = {
        "UPDATE appinfra.bucket b SET done_generation = greatest(b.done_generation, $2)"
        "  FROM (SELECT done_generation FROM appinfra.bucket WHERE bucket_id = $1) o"
        " WHERE b.bucket_id = $1"
        " RETURNING o.done_generation < $2, b.done_generation = b.generation, b.status"};
    query::Rows rows = query::run(update, {query::text(bucket.id), query::int8(generation)});
    auto status = states::parse<Status>(rows.text(0, 3));
    bool all = rows.boolean(0, 2);

    bucket_key::mark_gone(bucket.id, generation);
    if (status == Status::planned)
        bucket::mark_made(bucket.id);
    if (rows.boolean(0, 1))
        audit::record("complete_bucket_work", bucket.id, nullptr,
                      audit::detail({{"generation", psprintf(INT64_FORMAT, generation)}}));
    if (status == Status::retiring && all && !bucket_key::has_living(bucket.id))
        bucket::set_status(bucket.id, Status::retained);
    if (status == Status::dropping && all) {
        bucket::set_status(bucket.id, Status::dropped);
        audit::record("drop_bucket", bucket.id, nullptr,
                      audit::detail({{"bucket_name", bucket.name}}));
    }
}

/* Locks the bucket and its work. Raises 42704 where that was never given to the claim. */
static Found
find(const Claim &claim)
{
    static query::Query select = {"SELECT claim IS NOT DISTINCT FROM $2, $2 = ANY (past_claims)"
                                  "  FROM appinfra.bucket_work WHERE bucket_id = $1 FOR UPDATE"};
    const bucket::Bucket bucket = bucket::lock(claim.bucket_id);
    query::Rows rows = query::run(select, {query::text(claim.bucket_id), query::uuid(claim.id)});
    bool held = rows.count == 1 && rows.boolean(0, 1);

    if (!held && (rows.count == 0 || !rows.boolean(0, 2)))
        raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                     psprintf("work on bucket \"%s\" was never given to this claim", bucket.id)));
    return {.bucket = bucket, .held = held};
}

/* What the lost claim did may stand over something newer: the store is told once more. */
static void
answer_late(const Claim &claim)
{
    static query::Query update = {
        "UPDATE appinfra.bucket_work SET past_claims = array_remove(past_claims, $2)"
        " WHERE bucket_id = $1"};

    query::run(update, {query::text(claim.bucket_id), query::uuid(claim.id)});
    bucket::raise_generation(claim.bucket_id);
    audit::record("late_answer", claim.bucket_id, nullptr);
}

const char *
fail(const Claim &claim, const Failure &failure)
{
    static query::Query update = {
        "UPDATE appinfra.bucket_work SET claim = NULL, lease_until = NULL, last_error = $2,"
        "       error_code = $3, try_at = coalesce($4, clock_timestamp()"
        "         + make_interval(secs => least(300, 2 ^ least(attempts, 9))))"
        " WHERE bucket_id = $1"};
    static query::Query keys = {
        "UPDATE appinfra.bucket_key SET attempts = attempts + 1,"
        "       last_error = $2 WHERE bucket_id = $1 AND state = 'revoked'"};
    static query::Query status = {"SELECT status FROM appinfra.bucket WHERE bucket_id = $1"};
    const Failure told = {.error = secrets::without_secrets(failure.error, error_limit),
                          .code = failure.code,
                          .retry_at = failure.retry_at};
    const char *answer = nullptr;

    require(timeline::await());
    with_spi([&](MemoryContext caller) {
        const Found found = find(claim);

        if (found.held) {
            query::run(update, {query::text(claim.bucket_id), query::text(told.error),
                                query::text(told.code), query::timestamp(told.retry_at)});
            query::run(keys, {query::text(claim.bucket_id), query::text(told.error)});
            judge_failure(found.bucket, told);
            wake_waiting(claim.bucket_id);
            audit::record("fail_bucket_work", claim.bucket_id, nullptr,
                          audit::detail({{"code", told.code}}));
        } else {
            answer_late(claim);
        }
        query::Rows rows = query::run(status, {query::text(claim.bucket_id)});
        in_context(caller, [&] { answer = rows.text(0, 1); });
    });
    return answer;
}

/* A bucket that was never made gets another name, or has failed where the store refuses it. */
static void
judge_failure(const bucket::Bucket &bucket, const Failure &failure)
{
    static query::Query select = {
        "SELECT slug, name_tries FROM appinfra.bucket WHERE bucket_id = $1"};
    bool taken = strcmp(failure.code, "name_taken") == 0;

    if (bucket.made || bucket.status != Status::planned)
        return;
    query::Rows rows = query::run(select, {query::text(bucket.id)});
    if (taken && rows.int4(0, 2) < name_tries_limit)
        bucket::rename(bucket.id, bucket::choose_name(rows.text(0, 1)));
    else if (taken || strcmp(failure.code, "refused") == 0)
        bucket::set_status(bucket.id, Status::failed, failure.error);
}

/* A publication of the bucket that nobody could claim beside this work can be claimed now. */
static void
wake_waiting(const char *bucket_id)
{
    static query::Query waiting = {
        "SELECT FROM appinfra.binding b JOIN appinfra.publication p USING (binding_id)"
        " WHERE b.bucket_id = $1 AND p.status = 'pending' LIMIT 1"};

    if (query::run(waiting, {query::text(bucket_id)}).count > 0)
        wakeup::wake_at_commit(wakeup::Work::publications);
}

int
report_unknown(Datum names)
{
    static query::Query remove = {
        "DELETE FROM appinfra.bucket_unknown WHERE bucket_name <> ALL ($1)"};
    static query::Query insert = {
        "INSERT INTO appinfra.bucket_unknown AS u (bucket_name)"
        " SELECT DISTINCT left(name, 255) FROM unnest($1) name"
        "  WHERE name <> ALL (ARRAY(SELECT bucket_name FROM appinfra.bucket"
        "                            WHERE status <> 'dropped' OR generation > done_generation))"
        "     ON CONFLICT (bucket_name) DO UPDATE SET seen_at = clock_timestamp()"
        " RETURNING xmax = 0"};
    int count = 0;

    require(timeline::await());
    with_spi([&](MemoryContext) {
        query::run(remove, {query::texts(names)});
        query::Rows rows = query::run(insert, {query::texts(names)});
        bool is_new = false;

        count = static_cast<int>(rows.count);
        for (uint64 i = 0; i < rows.count; i++)
            is_new = is_new || rows.boolean(i, 1);
        if (is_new)
            audit::record("bucket_drift", nullptr, nullptr,
                          audit::detail({{"unknown_buckets", psprintf("%d", count)}}));
    });
    return count;
}

} // namespace appinfra::bucket_work
