/* The end of revoked keys' calls. The other half of keys.hpp. */
#include "gateway/keys.hpp"

#include "base/identifiers.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "shmem/ending_calls.hpp"

namespace appinfra::keys
{

/* The most keys that one turn looks at. */
#define KEYS_AT_ONCE "1000"

static TimestampTz find_revocation(const char *key_id);
static bool is_over(TimestampTz revoked_at);

bool
wait_revoked(const char *key_id, const Interval *timeout)
{
    TimestampTz deadline = DatumGetTimestampTz(
        DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(GetCurrentTimestamp()),
                            IntervalPGetDatum(timeout)));
    TimestampTz revoked_at = find_revocation(key_id);

    while (ending_calls::count(key_id, is_over(revoked_at)) > 0) {
        if (GetCurrentTimestamp() >= deadline)
            return false;
        WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 5, PG_WAIT_EXTENSION);
        ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
    }
    return true;
}

bool
follow_revoked()
{
    static query::Query news = {
        "UPDATE appinfra.key SET announced_at = clock_timestamp() WHERE key_id = ANY (ARRAY("
        "    SELECT key_id FROM appinfra.key"
        "     WHERE revoked_at IS NOT NULL AND announced_at IS NULL LIMIT " KEYS_AT_ONCE
        "       FOR NO KEY UPDATE SKIP LOCKED)) RETURNING key_id"};
    static query::Query recent = {
        "SELECT key_id, revoked_at FROM appinfra.key"
        " WHERE revoked_at IS NOT NULL AND calls_ended_at IS NULL AND announced_at IS NOT NULL"
        " LIMIT " KEYS_AT_ONCE " FOR NO KEY UPDATE SKIP LOCKED"};
    static query::Query settle = {
        "UPDATE appinfra.key SET calls_ended_at = clock_timestamp() WHERE key_id = $1"};
    bool left = false;

    in_transaction([&](MemoryContext) {
        query::Rows rows = query::run(news);

        for (uint64 i = 0; i < rows.count; i++)
            Async_Notify("appinfra_gateway", rows.text(i, 1));
    });
    in_transaction([&](MemoryContext) {
        query::Rows rows = query::run(recent);

        for (uint64 i = 0; i < rows.count; i++) {
            const char *key_id = rows.text(i, 1);

            if (ending_calls::count(key_id, is_over(DatumGetTimestampTz(rows.datum(i, 2)))) > 0)
                left = true;
            else
                query::run(settle, {query::text(key_id)});
        }
    });
    return left;
}

/* Returns when the key was revoked, in a transaction that is committed, or raises. */
static TimestampTz
find_revocation(const char *key_id)
{
    static query::Query select = {
        "SELECT revoked_at, appinfra.is_running(xmin) FROM appinfra.key WHERE key_id = $1"};
    TimestampTz revoked_at = 0;

    with_spi([&](MemoryContext) {
        query::Rows rows = query::run(select, {query::text(key_id)});

        if (rows.count == 0)
            key::raise_unknown(key_id);
        if (rows.is_null(0, 1))
            raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                         psprintf("key \"%s\" is not revoked", key_id), nullptr,
                         "appinfra.revoke_key() revokes it."));
        if (rows.boolean(0, 2))
            raise(refuse(
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "the revocation is not committed yet",
                "Calls end when the transaction that revokes is committed.", "COMMIT first."));
        revoked_at = DatumGetTimestampTz(rows.datum(0, 1));
    });
    return revoked_at;
}

/* Tells whether calls have had the time to end by themselves. */
static bool
is_over(TimestampTz revoked_at)
{
    return GetCurrentTimestamp() >=
           TimestampTzPlusMilliseconds(revoked_at, settings::gateway_commit_wait);
}

} // namespace appinfra::keys
