/* Limits and counts events. See buckets.hpp. */
#include "audit/buckets.hpp"

#include "audit/digest.hpp"
#include "audit/token_bucket.hpp"
#include "shmem/segments.hpp"

namespace appinfra::events::buckets
{

constexpr int64 ms = 1000; /* a TimestampTz counts microseconds */
constexpr int64 period = 60000 * ms;
constexpr TokenBucket events_of_key = {.burst = 32, .period = period};

/* When a count is due: after an interval that doubles; or in a pause, so often and then seldom. */
constexpr int64 first_interval = 1000 * ms;
constexpr int64 longest_interval = 60000 * ms;
constexpr int64 pause = 300 * ms;
constexpr int counts_burst = 60;

/* All addresses together have a limit as well: an attacker may have any number of addresses. */
constexpr TokenBucket events_of_strangers = {.burst = 512, .period = 100 * ms};

/*
 * The record of the first event is copied without the lock: while it is being filled in nobody
 * reads it, and while something is folded nobody replaces it.
 */
struct Bucket {
    Key key;
    uint64 key_hash;
    bool used;
    TimestampTz full_at;        /* when all tokens are there again */
    int64 interval;             /* after how much folding the count is due */
    TimestampTz counts_full_at; /* as full_at, for counts that are written in a pause */
    int64 folded;
    TimestampTz since; /* of the first that is folded, and of the latest */
    TimestampTz latest;
    Digest digest; /* of the first */
    uint32 differ; /* what is not the same for all folded: a bit for each part of the digest */
    bool filling;
    Record first;
};

/* The buckets of the keys with one hash value. */
constexpr int ways = 8;
struct Set {
    slock_t mutex;
    Bucket buckets[ways];
};

/* Whose keys a part of the table is for. In the last, everything fits. */
struct Part {
    int first;
    int sets;
};
constexpr Part parts[] = {{0, 256}, {256, 128}, {384, 16}, {400, 1}};
constexpr int set_count = 401;
enum { tenants, addresses, anybody, anything };

struct State {
    pg_atomic_uint64 unwritten;         /* folded events of all buckets */
    pg_atomic_uint64 strangers_full_at; /* of the tokens that all addresses share */
    Set sets[set_count];
};

/* An event on its way into the table. */
struct Event {
    const Record &record;
    Digest digest;
    bool may_pass;
};

static State *state;
static int next_place; /* where the scheduler goes on looking */

static size_t size();
static void attach(void *memory, bool is_new);
static bool enter(const Key &key, const Record &record, bool may_pass);
static bool enter_part(int part, const Key &key, const Event &event, bool *passed);
static Bucket *find(Set *set, const Key &key, uint64 hash, TimestampTz now, bool any);
static bool count(Bucket *bucket, const Event &event);
static void fill(Set *set, Bucket *bucket, const Record &record);
static void read(const Bucket &bucket, uint32 differ, Record *record);
static bool is_due(const Bucket &bucket, TimestampTz now);

void
define()
{
    segments::add({.name = "appinfra event buckets", .size = size, .attach = attach});
}

bool
admit(const Key &key, const Record &record)
{
    return enter(key, record, true);
}

void
fold(const Key &key, const Record &record)
{
    enter(key, record, false);
}

int
due(Count *counts, int limit, bool everything)
{
    TimestampTz now = GetCurrentTimestamp();
    int found = 0;

    if (pg_atomic_read_u64(&state->unwritten) == 0)
        return 0;
    for (int i = 0; i < set_count * ways && found < limit; i++) {
        next_place = (next_place + 1) % (set_count * ways);
        Set *set = &state->sets[next_place / ways];
        Bucket *bucket = &set->buckets[next_place % ways];

        if (bucket->folded == 0) /* an event that is folded just now is found the next time */
            continue;
        SpinLockAcquire(&set->mutex);
        bool wanted =
            bucket->folded > 0 && !bucket->filling && (everything || is_due(*bucket, now));
        int64 folded = bucket->folded;
        uint32 differ = bucket->differ;
        TimestampTz since = bucket->since;
        TimestampTz latest = bucket->latest;
        SpinLockRelease(&set->mutex);
        if (!wanted)
            continue;
        Record *record = &counts[found].record;
        read(*bucket, differ, record);
        record->count = folded;
        record->since = since;
        record->time = latest;
        counts[found++].place = next_place;
    }
    return found;
}

void
settle(const Count &count)
{
    Set *set = &state->sets[count.place / ways];
    Bucket *bucket = &set->buckets[count.place % ways];
    TimestampTz now = GetCurrentTimestamp();

    SpinLockAcquire(&set->mutex);
    bucket->folded -= count.record.count;
    bucket->since = bucket->latest;
    bucket->interval = bucket->counts_full_at <= now ? first_interval
                                                     : Min(bucket->interval * 2, longest_interval);
    bucket->counts_full_at = Max(bucket->counts_full_at, now) + period;
    SpinLockRelease(&set->mutex);
    pg_atomic_fetch_sub_u64(&state->unwritten, count.record.count);
}

static size_t
size()
{
    return sizeof(State);
}

/* Attaches to the memory; the first process also fills it in. */
static void
attach(void *memory, bool is_new)
{
    state = static_cast<State *>(memory);
    if (!is_new)
        return;
    pg_atomic_init_u64(&state->unwritten, 0);
    pg_atomic_init_u64(&state->strangers_full_at, 0);
    for (Set &set : state->sets)
        SpinLockInit(&set.mutex);
}

/* Finds the event's bucket, and passes it or counts it there. */
static bool
enter(const Key &key, const Record &record, bool may_pass)
{
    const Event event = {.record = record, .digest = digest_of(record), .may_pass = may_pass};
    Key shared = key;
    bool passed = false;

    memset(shared.who, 0, sizeof(shared.who));
    if (!enter_part(record.db_id[0] != '\0' ? tenants : addresses, key, event, &passed) &&
        !enter_part(anybody, shared, event, &passed))
        enter_part(anything, shared, event, &passed);
    return passed;
}

/* The same in one part of the table; false when the key has no room there. */
static bool
enter_part(int part, const Key &key, const Event &event, bool *passed)
{
    TimestampTz now = event.record.time;
    uint64 hash =
        hash_bytes_extended(reinterpret_cast<const unsigned char *>(&key), sizeof(key), 0);
    Set *set = &state->sets[parts[part].first + hash % parts[part].sets];

    SpinLockAcquire(&set->mutex);
    Bucket *bucket = find(set, key, hash, now, part == anything);
    bool is_first = false;
    if (bucket != nullptr) {
        *passed =
            event.may_pass && events_of_key.take(&bucket->full_at, now) &&
            (part == tenants || events_of_strangers.take_shared(&state->strangers_full_at, now));
        is_first = !*passed && count(bucket, event);
    }
    SpinLockRelease(&set->mutex);
    if (is_first)
        fill(set, bucket, event.record);
    if (bucket != nullptr && !*passed)
        pg_atomic_fetch_add_u64(&state->unwritten, 1);
    return bucket != nullptr;
}

/* Returns the key's bucket, else a free or idle one, else any one if `any` is true, else null. */
static Bucket *
find(Set *set, const Key &key, uint64 hash, TimestampTz now, bool any)
{
    Bucket *free = nullptr;

    for (Bucket &bucket : set->buckets) {
        if (bucket.used && bucket.key_hash == hash && memcmp(&bucket.key, &key, sizeof(key)) == 0)
            return &bucket;
        if (!bucket.used || (bucket.folded == 0 && bucket.full_at <= now))
            free = &bucket;
    }
    if (free == nullptr)
        return any ? &set->buckets[0] : nullptr;
    free->key = key;
    free->key_hash = hash;
    free->used = true;
    free->full_at = now;
    free->interval = first_interval;
    free->counts_full_at = now;
    return free;
}

/* Counts the event, by a few comparisons; true when it is the first, whose record is wanted. */
static bool
count(Bucket *bucket, const Event &event)
{
    if (bucket->folded++ == 0) {
        bucket->digest = event.digest;
        bucket->differ = 0;
        bucket->since = bucket->latest = event.record.time;
        bucket->filling = true;
        return true;
    }
    bucket->latest = Max(bucket->latest, event.record.time);
    bucket->differ |= differences(event.digest, bucket->digest);
    return false;
}

/* Copies the first event's record into the bucket, which lets nobody else do so. */
static void
fill(Set *set, Bucket *bucket, const Record &record)
{
    bucket->first = record;
    SpinLockAcquire(&set->mutex);
    bucket->filling = false;
    SpinLockRelease(&set->mutex);
}

/*
 * Returns the fields that all folded events have in common. A field that differs is empty, so that
 * the count names nobody for the events of others.
 */
static void
read(const Bucket &bucket, uint32 differ, Record *record)
{
    *record = bucket.first;
    blank(record, differ);
    if (record->address[0] == '\0' && record->db_id[0] == '\0')
        strlcpy(record->address, bucket.key.who, sizeof(record->address));
}

/* A count is due when it has grown for its interval, or when it pauses and has rarely done so. */
static bool
is_due(const Bucket &bucket, TimestampTz now)
{
    bool paused = now - bucket.latest >= pause;

    return now - bucket.since >= bucket.interval || now < bucket.since ||
           (paused && bucket.counts_full_at - now <= (counts_burst - 1) * period);
}

} // namespace appinfra::events::buckets
