/*
 * Buckets: their rows, and every change of their status and their generation.
 *
 * A generation is the number of what the store is to be made to look like. Whoever changes that
 * raises it; work brings the store there. The caller holds the bucket's row.
 *
 * planned → ready ⇄ revoked; any of them → retiring → retained → dropping → dropped; failed.
 */
#pragma once

#include "base/query.hpp"
#include "registry/states.hpp"

namespace appinfra::bucket
{

using Status = states::Bucket;

struct Bucket {
    const char *id;
    const char *app_id;
    const char *owner_user_id;
    const char *name; /* at the store */
    const char *env_prefix;
    Status status;
    const char *endpoint_url;
    const char *region;
    bool made; /* the store has had it */
    int64 generation;
};

/* A bucket that is to be added. */
struct NewBucket {
    const char *id;
    const char *app_id;
    const char *owner_user_id;
    const char *slug;
    const char *name;
    const char *env_prefix;
    std::optional<int64> quota;
    const char *idempotency_key;
    const Jsonb *request;
};

/* Returns the bucket; its row is locked. Raises 42704 for an unknown one. */
Bucket lock(const char *bucket_id);

/* The same, without waiting: none when another transaction has it locked. */
std::optional<Bucket> try_lock(const char *bucket_id);

/* Adds a planned bucket, and the row of its work. */
void add(const NewBucket &bucket);

/* Gives the bucket another name: somebody else has the one it had. */
void rename(const char *bucket_id, const char *name);

/* Returns a name for a bucket of that slug. */
char *choose_name(const char *slug);

/* Tells whether keys of the bucket may be made. */
bool is_living(Status status);

/* Changes the status; NULL forgets the last error. */
void set_status(const char *bucket_id, Status status, const char *error = nullptr);

/* The store has the bucket now; one that was planned or refused is ready. */
void mark_made(const char *bucket_id);

/* The bucket is to be kept for that long, then removed. */
void mark_retiring(const char *bucket_id, const Interval *retain);
const char *move_end(const char *bucket_id, const Interval *retain);

/* It is wanted again. */
void mark_restored(const char *bucket_id);

/* Raises the generation and wakes sidecars; returns the new one. */
int64 raise_generation(const char *bucket_id);

/*
 * Returns what the bucket is to look like at the store. It is to have this key, whose secret goes
 * out (0: none).
 */
Jsonb *storage(const char *bucket_id, int64 mint);

/* Tells whether a sidecar works on the bucket now, by a work or a publication. */
bool is_claimed(const char *bucket_id);

/* Returns the id of a bucket of the app that is not dropped, or null. */
const char *living_of(const char *app_id);

/* Makes the app's buckets the new owner's. */
void set_owner_of(const char *app_id, const char *owner_user_id);

/*
 * Commits may be lost: each store is compared again, and what is kept for a restore is kept for its
 * full time once more, as a restore may be among what is lost.
 */
void keep_after_loss();

} // namespace appinfra::bucket
