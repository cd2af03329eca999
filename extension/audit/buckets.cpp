/* Limits and counts events. See buckets.hpp. */
#include "audit/buckets.hpp"

#include "shmem/segments.hpp"

namespace appinfra::events::buckets
{

constexpr int64 ms = 1000;           /* a TimestampTz counts microseconds */
constexpr int burst = 32;            /* events of a key that pass at once */
constexpr int64 period = 60000 * ms; /* and then one in this time */

/* When a count is due: after an interval that doubles; or in a pause, so often and then seldom. */
constexpr int64 first_interval = 1000 * ms;
constexpr int64 longest_interval = 60000 * ms;
constexpr int64 pause = 300 * ms;
constexpr int counts_burst = 60;

/* What passes of all clients' addresses together: an attacker may have any number of them. */
constexpr int strangers_burst = 512;
constexpr int64 strangers_period = 100 * ms;

struct Bucket {
    Key key;
    bool used;
    TimestampTz full_at;        /* when all tokens are there again */
    int64 interval;             /* after how much folding the count is due */
    TimestampTz counts_full_at; /* as full_at, for counts that are written in a pause */
    int64 folded;
    Record common; /* what the folded have in common */
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

static State *state;
static int next_place; /* where the scheduler goes on looking */

static size_t size();
static void attach(void *memory, bool is_new);
static bool enter(const Key &key, const Record &record, bool may_pass);
static bool enter_part(int part, const Key &key, const Record &record, bool may_pass, bool *passed);
static Bucket *find(Set *set, const Key &key, TimestampTz now, bool any);
static bool take_token(Bucket *bucket, TimestampTz now);
static bool take_strangers_token(TimestampTz now);
static void count(Bucket *bucket, const Record &record);
static void keep_common(Record *common, const Record &record);
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

        if (bucket->folded == 0) /* what is folded just now is there the next time */
            continue;
        SpinLockAcquire(&set->mutex);
        if (everything || is_due(*bucket, now)) {
            counts[found].place = next_place;
            counts[found].record = bucket->common;
            counts[found].record.count = bucket->folded;
            if (bucket->common.address[0] == '\0' && bucket->common.db_id[0] == '\0')
                strlcpy(counts[found].record.address, bucket->key.who,
                        sizeof(bucket->common.address));
            found++;
        }
        SpinLockRelease(&set->mutex);
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
    bucket->common.since = bucket->common.time;
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
    Key shared = key;
    bool passed = false;

    memset(shared.who, 0, sizeof(shared.who));
    if (!enter_part(record.db_id[0] != '\0' ? tenants : addresses, key, record, may_pass,
                    &passed) &&
        !enter_part(anybody, shared, record, may_pass, &passed))
        enter_part(anything, shared, record, may_pass, &passed);
    return passed;
}

/* The same in one part of the table; false when the key has no room there. */
static bool
enter_part(int part, const Key &key, const Record &record, bool may_pass, bool *passed)
{
    uint64 hash =
        hash_bytes_extended(reinterpret_cast<const unsigned char *>(&key), sizeof(key), 0);
    Set *set = &state->sets[parts[part].first + hash % parts[part].sets];

    SpinLockAcquire(&set->mutex);
    Bucket *bucket = find(set, key, record.time, part == anything);
    if (bucket != nullptr) {
        *passed = may_pass && take_token(bucket, record.time) &&
                  (part == tenants || take_strangers_token(record.time));
        if (!*passed)
            count(bucket, record);
    }
    SpinLockRelease(&set->mutex);
    if (bucket != nullptr && !*passed)
        pg_atomic_fetch_add_u64(&state->unwritten, 1);
    return bucket != nullptr;
}

/* Returns the key's bucket, one that is free or idle now, or, for `any`, just one; else null. */
static Bucket *
find(Set *set, const Key &key, TimestampTz now, bool any)
{
    Bucket *free = nullptr;

    for (Bucket &bucket : set->buckets) {
        if (bucket.used && memcmp(&bucket.key, &key, sizeof(key)) == 0)
            return &bucket;
        if (!bucket.used || (bucket.folded == 0 && bucket.full_at <= now))
            free = &bucket;
    }
    if (free == nullptr)
        return any ? &set->buckets[0] : nullptr;
    free->key = key;
    free->used = true;
    free->full_at = now;
    free->interval = first_interval;
    free->counts_full_at = now;
    return free;
}

/* A clock that was set back does not leave a bucket empty for longer than it takes to fill. */
static bool
take_token(Bucket *bucket, TimestampTz now)
{
    TimestampTz full_at = Min(Max(bucket->full_at, now), now + burst * period);

    if (full_at - now > (burst - 1) * period)
        return false;
    bucket->full_at = full_at + period;
    return true;
}

/* The same for all addresses together, without a lock. */
static bool
take_strangers_token(TimestampTz now)
{
    uint64 found = pg_atomic_read_u64(&state->strangers_full_at);

    for (;;) {
        TimestampTz full_at = Min(Max(static_cast<TimestampTz>(found), now),
                                  now + strangers_burst * strangers_period);

        if (full_at - now > (strangers_burst - 1) * strangers_period)
            return false;
        if (pg_atomic_compare_exchange_u64(&state->strangers_full_at, &found,
                                           static_cast<uint64>(full_at + strangers_period)))
            return true;
    }
}

static void
count(Bucket *bucket, const Record &record)
{
    if (bucket->folded == 0) {
        bucket->common = record;
        bucket->common.since = record.time;
    } else {
        keep_common(&bucket->common, record);
    }
    bucket->folded++;
}

/* Empties what differs, so that nobody is named for what others did. */
static void
keep_common(Record *common, const Record &record)
{
    common->time = Max(common->time, record.time);
    if (common->actor != record.actor)
        common->actor = InvalidOid;
    if (common->role != record.role)
        common->role = InvalidOid;
    if (common->current_role != record.current_role)
        common->current_role = InvalidOid;
    if (common->database != record.database)
        common->database = InvalidOid;
    if (common->observed != record.observed)
        common->observed = false;
    auto keep = [](char *text, const char *other) {
        if (text[0] != '\0' && strcmp(text, other) != 0)
            text[0] = '\0';
    };
    keep(common->action, record.action);
    keep(common->rule, record.rule);
    keep(common->db_id, record.db_id);
    keep(common->credential, record.credential);
    keep(common->object, record.object);
    keep(common->actor_name, record.actor_name);
    keep(common->database_name, record.database_name);
    keep(common->application, record.application);
    keep(common->address, record.address);
}

/* Due is what has been folding for its interval, or is no longer folding and has rarely been. */
static bool
is_due(const Bucket &bucket, TimestampTz now)
{
    bool paused = now - bucket.common.time >= pause;

    return now - bucket.common.since >= bucket.interval || now < bucket.common.since ||
           (paused && bucket.counts_full_at - now <= (counts_burst - 1) * period);
}

} // namespace appinfra::events::buckets
