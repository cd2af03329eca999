/* Reads and writes the table of buckets' keys. See bucket_key.hpp. */
#include "registry/bucket_key.hpp"

#include "base/secrets.hpp"
#include "registry/publication.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::bucket_key
{

static char *random_access_key();

Key
plan(const char *bucket_id, int64 binding_id)
{
    static query::Query waiting = {"SELECT bucket_key_id FROM appinfra.bucket_key"
                                   " WHERE bucket_id = $1 AND state = 'waiting'"};
    static query::Query insert = {
        "INSERT INTO appinfra.bucket_key (access_key, bucket_id, binding_id, principal, access)"
        " VALUES ($1, $2, $3, $2 || '-w', 'writer') RETURNING bucket_key_id"};
    const char *access_key = random_access_key();
    query::Rows lost = query::run(waiting, {query::text(bucket_id)});

    /* recorded before it is sent, so that one that was not recorded is nobody's */
    if (lost.count > 0) {
        int64 generation = bucket::raise_generation(bucket_id);
        for (uint64 i = 0; i < lost.count; i++)
            revoke(lost.int8(i, 1), generation, "its claim was lost");
    }
    query::Rows made = query::run(
        insert, {query::text(access_key), query::text(bucket_id), query::id(binding_id)});
    return {.id = made.int8(0, 1), .access_key = access_key};
}

/* Returns AKIA and 16 of 32 characters, each as likely as any other. */
static char *
random_access_key()
{
    constexpr const char *alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    constexpr int length = 16;
    uint8 bytes[length];
    char *key = psprintf("AKIA%*s", length, "");

    if (!pg_strong_random(bytes, sizeof(bytes)))
        ereport(ERROR, (errcode(ERRCODE_SYSTEM_ERROR), errmsg("could not get random bytes")));
    for (int i = 0; i < length; i++)
        key[4 + i] = alphabet[bytes[i] % 32];
    return key;
}

bool
mark_made(int64 id, const char *access_key)
{
    static query::Query taken = {
        "SELECT FROM appinfra.bucket_key WHERE access_key = $2 AND bucket_key_id <> $1"};
    static query::Query update = {
        "UPDATE appinfra.bucket_key SET access_key = $2, state = 'active',"
        "       minted_at = clock_timestamp()"
        " WHERE bucket_key_id = $1 AND state IN ('waiting', 'active') AND minted_at IS NULL"};

    if (query::run(taken, {query::id(id), query::text(access_key)}).count > 0)
        return false;
    query::run(update, {query::id(id), query::text(access_key)});
    return true;
}

void
mark_delivered(int64 id, const Interval *deadline)
{
    static query::Query mark = {
        "UPDATE appinfra.bucket_key SET published_at = clock_timestamp() WHERE bucket_key_id = $1"};
    static query::Query retire = {
        "UPDATE appinfra.bucket_key o SET state = 'retiring',"
        "       retires_at = least(o.retires_at, clock_timestamp() + $2)"
        "  FROM appinfra.bucket_key k"
        " WHERE k.bucket_key_id = $1 AND o.bucket_id = k.bucket_id AND o.access = k.access"
        "   AND o.bucket_key_id < $1 AND o.state IN ('active', 'retiring')"};

    query::run(mark, {query::id(id)});
    query::run(retire, {query::id(id), query::interval(deadline)});
    wakeup::wake_at_commit(wakeup::Work::credentials);
}

void
revoke(int64 id, int64 generation, const char *reason)
{
    static query::Query update = {
        "UPDATE appinfra.bucket_key SET state = 'revoked', revoked_at = clock_timestamp(),"
        "       generation = $2, reason = $3"
        " WHERE bucket_key_id = $1 AND state IN ('waiting', 'active', 'retiring')"};

    publication::cancel_of_bucket_key(id);
    query::run(update, {query::id(id), query::int8(generation), query::text(reason)});
}

int
revoke_all(const char *bucket_id, int64 generation, const char *reason)
{
    static query::Query select = {"SELECT bucket_key_id FROM appinfra.bucket_key"
                                  " WHERE bucket_id = $1"
                                  "   AND state IN ('waiting', 'active', 'retiring')"};
    query::Rows rows = query::run(select, {query::text(bucket_id)});

    for (uint64 i = 0; i < rows.count; i++)
        revoke(rows.int8(i, 1), generation, reason);
    return static_cast<int>(rows.count);
}

bool
has_living(const char *bucket_id)
{
    static query::Query select = {"SELECT FROM appinfra.bucket_key WHERE bucket_id = $1"
                                  "   AND state IN ('waiting', 'active', 'retiring') LIMIT 1"};

    return query::run(select, {query::text(bucket_id)}).count > 0;
}

void
mark_gone(const char *bucket_id, int64 generation)
{
    static query::Query update = {
        "UPDATE appinfra.bucket_key SET state = 'gone', gone_at = clock_timestamp(),"
        "       last_error = NULL"
        " WHERE bucket_id = $1 AND state = 'revoked' AND generation <= $2"};

    query::run(update, {query::text(bucket_id), query::int8(generation)});
}

void
keep_after_loss()
{
    static query::Query update = {
        "UPDATE appinfra.bucket_key SET state = 'active' WHERE state = 'waiting'"};

    query::run(update);
}

} // namespace appinfra::bucket_key
