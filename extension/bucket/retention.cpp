/* Deprovisions and restores buckets, and ends what has had its time. See retention.hpp. */
#include "bucket/retention.hpp"

#include "audit/audit.hpp"
#include "base/scope.hpp"
#include "bucket/provision.hpp"
#include "registry/bucket_key.hpp"
#include "registry/publication.hpp"
#include "tenant/readiness.hpp"

namespace appinfra::bucket_retention
{

using bucket::Status;

static void leave(const bucket::Bucket &bucket, const Interval *retain);
static const Refusal *check_restorable(const bucket::Bucket &bucket);
static void publish_again(const bucket::Bucket &bucket, bool publish);
static void retire_due();
static void drop_due();

void
deprovision(const char *bucket_id, const Interval *retain)
{
    require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        const bucket::Bucket bucket = bucket::lock(bucket_id);
        const char *until = nullptr;

        if (bucket.status == Status::retiring || bucket.status == Status::dropping ||
            bucket.status == Status::dropped)
            return;
        if (bucket.status == Status::retained)
            until = bucket::move_end(bucket_id, retain);
        else
            leave(bucket, retain);
        audit::record("deprovision_bucket", bucket_id, nullptr,
                      audit::detail({{"retained_until", until}}));
    });
}

/* Ends the bucket's keys and its variables. */
static void
leave(const bucket::Bucket &bucket, const Interval *retain)
{
    bucket_key::revoke_all(bucket.id, bucket::raise_generation(bucket.id), "deprovisioned");
    if (int64 binding_id = bucket_connection::binding_of(bucket.id)) {
        binding::lock(binding_id);
        publication::cancel_of_binding(binding_id);
        binding::keep_restorable(binding_id);
        binding::end(binding_id);
        if (publication::may_be_delivered(binding_id))
            publication::enqueue(binding_id, 0);
    }
    bucket::mark_retiring(bucket.id, retain);
}

bucket_connection::Connection
restore(const char *bucket_id, bool publish)
{
    bucket_connection::Connection connection = {};

    require(readiness::check_transaction());
    with_spi([&](MemoryContext caller) {
        const bucket::Bucket bucket = bucket::lock(bucket_id);

        require(check_restorable(bucket));
        bucket::mark_restored(bucket_id);
        bucket::raise_generation(bucket_id);
        publish_again(bucket, publish);
        connection = bucket_connection::read(caller, bucket_id);
        audit::record("restore_bucket", bucket_id, nullptr,
                      audit::detail({{"publish", publish ? "true" : "false"}}));
    });
    return connection;
}

/* Refuses for a bucket that is ready, and for one whose objects are gone. */
static const Refusal *
check_restorable(const bucket::Bucket &bucket)
{
    if (bucket.status == Status::revoked || bucket.status == Status::retiring ||
        bucket.status == Status::retained)
        return nullptr;
    if (bucket.status == Status::dropped || bucket.status == Status::dropping)
        return refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      psprintf("bucket \"%s\" is dropped", bucket.id),
                      "The time for which it was kept is over.");
    return refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  psprintf("bucket \"%s\" needs no restoring", bucket.id),
                  psprintf("Its status is \"%s\".", states::name(bucket.status)),
                  bucket.status == Status::failed
                      ? "appinfra.retry_publication() tries again what has failed."
                      : "appinfra.rotate_bucket_key() makes a new key.");
}

/*
 * Owes the bucket's variables a new key. One that was deprovisioned has lost them; one whose
 * variables another bucket had taken over by then has none, and gets none.
 */
static void
publish_again(const bucket::Bucket &bucket, bool publish)
{
    int64 binding_id = bucket_connection::binding_of(bucket.id);
    int64 ended = bucket_connection::restorable_binding_of(bucket.id);

    if (bucket.status != Status::revoked && ended != 0) {
        const binding::Place place = bucket_connection::place_of(bucket);

        if (const Refusal *taken = binding::reserve(place)) {
            Refusal refusal = *taken;

            if (refusal.code == ERRCODE_UNIQUE_VIOLATION)
                refusal.hint = "The bucket comes back when its variables are free: "
                               "appinfra.deprovision_bucket() frees those of another.";
            raise(&refusal);
        }
        binding::forget_restorable(ended);
        binding_id = binding::create_for_bucket(place, bucket.id);
    }
    if (publish && binding_id != 0)
        publication::enqueue(binding_id, 0);
}

void
set_quota(const char *bucket_id, std::optional<int64> quota)
{
    static query::Query update = {
        "UPDATE appinfra.bucket SET quota = nullif($2, -1) WHERE bucket_id = $1"};

    require(readiness::check_transaction());
    require(bucket_provision::check_quota(quota));
    with_spi([&](MemoryContext) {
        const bucket::Bucket bucket = bucket::lock(bucket_id);

        if (bucket.status == Status::dropping || bucket.status == Status::dropped)
            require(check_restorable(bucket));
        query::run(update, {query::text(bucket_id), query::int8(quota.value_or(-1))});
        if (bucket.made)
            bucket::raise_generation(bucket_id);
        audit::record("set_bucket_quota", bucket_id, nullptr,
                      audit::detail({{"quota", quota ? psprintf(INT64_FORMAT, *quota) : nullptr}}));
    });
}

void
follow()
{
    retire_due();
    drop_due();
    in_transaction([](MemoryContext) { publication::fail_lost_handouts(); });
}

/* Revokes keys that have retired long enough; what another transaction has locked comes later. */
static void
retire_due()
{
    static query::Query due = {
        "SELECT k.bucket_key_id, k.bucket_id, k.access_key FROM appinfra.bucket_key k"
        "  JOIN appinfra.bucket b USING (bucket_id)"
        " WHERE k.state = 'retiring' AND k.retires_at <= clock_timestamp()"
        " ORDER BY k.retires_at LIMIT 100 FOR NO KEY UPDATE OF b SKIP LOCKED"};

    in_transaction([](MemoryContext) {
        query::Rows rows = query::run(due);

        for (uint64 i = 0; i < rows.count; i++) {
            const char *bucket_id = rows.text(i, 2);

            bucket_key::revoke(rows.int8(i, 1), bucket::raise_generation(bucket_id), "replaced");
            audit::record("revoke_bucket_key", bucket_id, rows.text(i, 3),
                          audit::detail({{"reason", "replaced"}}));
        }
    });
}

/* Has the objects of buckets removed whose time is over. */
static void
drop_due()
{
    static query::Query due = {"SELECT bucket_id FROM appinfra.bucket"
                               " WHERE status = 'retained' AND retained_until <= clock_timestamp()"
                               "   AND (SELECT held_since IS NULL FROM appinfra.host)"
                               " ORDER BY retained_until LIMIT 100 FOR NO KEY UPDATE SKIP LOCKED"};

    in_transaction([](MemoryContext) {
        query::Rows rows = query::run(due);

        for (uint64 i = 0; i < rows.count; i++) {
            bucket::set_status(rows.text(i, 1), Status::dropping);
            bucket::raise_generation(rows.text(i, 1));
        }
    });
}

} // namespace appinfra::bucket_retention
