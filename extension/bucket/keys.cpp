/* Rotates and revokes keys. See keys.hpp. */
#include "bucket/keys.hpp"

#include "audit/audit.hpp"
#include "base/identifiers.hpp"
#include "base/scope.hpp"
#include "registry/bucket_key.hpp"
#include "registry/publication.hpp"
#include "tenant/readiness.hpp"

namespace appinfra::bucket_keys
{

using bucket::Status;

static void check_rotatable(const bucket::Bucket &bucket, int64 binding_id, bool publish);
static const Refusal *unknown(const char *access_key);
static bool is_gone(const char *access_key, bool first);

constexpr long look_again_ms = 20;

bucket_connection::Connection
rotate(const char *bucket_id, const Interval *deadline, bool publish)
{
    static query::Query remember = {
        "UPDATE appinfra.bucket SET deadline = $2 WHERE bucket_id = $1"};
    bucket_connection::Connection connection = {};

    require(readiness::check_transaction());
    with_spi([&](MemoryContext caller) {
        const bucket::Bucket bucket = bucket::lock(bucket_id);
        int64 binding_id = bucket_connection::binding_of(bucket_id);

        check_rotatable(bucket, binding_id, publish);
        query::run(remember, {query::text(bucket_id), query::interval(deadline)});
        if (publish) {
            binding::lock(binding_id);
            publication::enqueue(binding_id, 0, nullptr, deadline);
        }
        connection = bucket_connection::read(caller, bucket_id);
        audit::record("rotate_bucket_key", bucket_id, nullptr,
                      audit::detail({{"publish", publish ? "true" : "false"}}));
    });
    return connection;
}

/* Refuses where no key can be made, or where what is published would be older than a hand-out. */
static void
check_rotatable(const bucket::Bucket &bucket, int64 binding_id, bool publish)
{
    if (!bucket::is_living(bucket.status))
        raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     psprintf("bucket \"%s\" is not ready", bucket.id),
                     psprintf("Its status is \"%s\".", states::name(bucket.status)),
                     bucket.status == Status::dropped || bucket.status == Status::failed
                         ? nullptr
                         : "appinfra.restore_bucket() makes it ready again."));
    if (publish && binding_id == 0)
        raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     psprintf("bucket \"%s\" holds no variables", bucket.id),
                     "Another bucket of the app has taken them over.",
                     "With publish => false REST or MCP hand a key out."));
    if (!publish && binding_id != 0 && publication::is_under_way(binding_id))
        raise(refuse(ERRCODE_OBJECT_IN_USE,
                     psprintf("a key of bucket \"%s\" is being published just now", bucket.id),
                     "What is published would be older than what is handed out.",
                     "Try again when it is published, or pass publish => true."));
}

int
finish_rotation(const char *bucket_id)
{
    static query::Query replaced = {
        "SELECT k.bucket_key_id FROM appinfra.bucket_key k WHERE k.bucket_id = $1"
        "   AND k.state IN ('active', 'retiring') AND EXISTS ("
        "       SELECT FROM appinfra.bucket_key s WHERE s.bucket_id = k.bucket_id"
        "          AND s.access = k.access AND s.bucket_key_id > k.bucket_key_id"
        "          AND s.state = 'active' AND s.published_at IS NOT NULL) ORDER BY 1"};
    int count = 0;

    require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        bucket::lock(bucket_id);
        query::Rows rows = query::run(replaced, {query::text(bucket_id)});
        int64 generation = rows.count > 0 ? bucket::raise_generation(bucket_id) : 0;

        count = static_cast<int>(rows.count);
        for (uint64 i = 0; i < rows.count; i++)
            bucket_key::revoke(rows.int8(i, 1), generation, "replaced");
        audit::record("finish_bucket_rotation", bucket_id, nullptr,
                      audit::detail({{"keys", psprintf("%d", count)}}));
    });
    return count;
}

void
revoke(const char *access_key, const char *reason)
{
    static query::Query find = {
        "SELECT bucket_id, bucket_key_id FROM appinfra.bucket_key WHERE access_key = $1"};
    static query::Query select = {"SELECT state IN ('revoked', 'gone') FROM appinfra.bucket_key"
                                  " WHERE bucket_key_id = $1"};

    require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        query::Rows known = query::run(find, {query::text(access_key)});

        if (known.count == 0)
            raise(unknown(access_key));
        const char *bucket_id = known.text(0, 1);
        bucket::lock(bucket_id);
        if (query::run(select, {query::id(known.int8(0, 2))}).boolean(0, 1))
            return;
        bucket_key::revoke(known.int8(0, 2), bucket::raise_generation(bucket_id), reason);
        audit::record("revoke_bucket_key", bucket_id, access_key,
                      audit::detail({{"reason", reason}}));
    });
}

int
revoke_bucket(const char *bucket_id, const char *reason)
{
    int count = 0;

    require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        const bucket::Bucket bucket = bucket::lock(bucket_id);

        if (!bucket::is_living(bucket.status) && bucket.status != Status::failed)
            return;
        if (int64 binding_id = bucket_connection::binding_of(bucket_id)) {
            binding::lock(binding_id);
            publication::cancel_of_binding(binding_id);
        }
        if (bucket.status != Status::failed)
            bucket::set_status(bucket_id, Status::revoked);
        count = bucket_key::revoke_all(bucket_id, bucket::raise_generation(bucket_id), reason);
        audit::record("revoke_bucket", bucket_id, nullptr,
                      audit::detail({{"reason", reason}, {"keys", psprintf("%d", count)}}));
    });
    return count;
}

void
forget(const char *access_key)
{
    static query::Query known = {"SELECT FROM appinfra.bucket_key WHERE access_key = $1"};
    static query::Query find = {"SELECT bucket_id FROM appinfra.bucket_work"
                                " WHERE $1 = ANY (unknown_keys) ORDER BY bucket_id LIMIT 1"};
    static query::Query insert = {
        "INSERT INTO appinfra.bucket_key (access_key, bucket_id, principal, access, state,"
        "                                 revoked_at, generation, reason)"
        " VALUES ($1, $2, $2 || '-w', 'writer', 'revoked', clock_timestamp(), $3,"
        "         'the registry did not know it')"};

    require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        if (query::run(known, {query::text(access_key)}).count > 0)
            raise(refuse(
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                psprintf("access key \"%s\" is a bucket's", identifiers::excerpt(access_key)),
                nullptr, "appinfra.revoke_bucket_key() revokes it."));
        query::Rows found = query::run(find, {query::text(access_key)});
        if (found.count == 0)
            raise(unknown(access_key));
        const char *bucket_id = found.text(0, 1);
        bucket::lock(bucket_id);
        query::run(insert, {query::text(access_key), query::text(bucket_id),
                            query::int8(bucket::raise_generation(bucket_id))});
        audit::record("forget_bucket_key", bucket_id, access_key);
    });
}

bool
wait(const char *access_key, const Interval *timeout)
{
    TimestampTz deadline = DatumGetTimestampTz(
        DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(GetCurrentTimestamp()),
                            IntervalPGetDatum(timeout)));

    for (bool first = true; !is_gone(access_key, first); first = false) {
        if (GetCurrentTimestamp() >= deadline)
            return false;
        WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, look_again_ms,
                  PG_WAIT_EXTENSION);
        ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
    }
    return true;
}

/* Tells whether the key is gone; when first asked, refuses for one that is not revoked for all. */
static bool
is_gone(const char *access_key, bool first)
{
    static query::Query select = {"SELECT state, state = 'revoked' AND appinfra.is_running(xmin)"
                                  "  FROM appinfra.bucket_key WHERE access_key = $1"};
    bool gone = false;

    with_spi([&](MemoryContext) {
        query::Rows rows = query::run(select, {query::text(access_key)});

        if (rows.count == 0)
            raise(unknown(access_key));
        auto state = states::parse<bucket_key::State>(rows.text(0, 1));
        gone = state == bucket_key::State::gone;
        if (!first || gone)
            return;
        if (state != bucket_key::State::revoked)
            raise(refuse(
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                psprintf("access key \"%s\" is not revoked", identifiers::excerpt(access_key)),
                psprintf("Its state is \"%s\".", states::name(state)),
                "appinfra.revoke_bucket_key() revokes it."));
        if (rows.boolean(0, 2))
            raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                         "the revocation is not committed yet",
                         "The store is told when the transaction that revokes is committed.",
                         "COMMIT first."));
    });
    return gone;
}

static const Refusal *
unknown(const char *access_key)
{
    return refuse(
        ERRCODE_UNDEFINED_OBJECT,
        psprintf("access key \"%s\" does not exist", identifiers::excerpt(access_key)), nullptr,
        "Look at appinfra.bucket_keys, and at appinfra.exposures() for keys that are not known.");
}

} // namespace appinfra::bucket_keys
