/*
 * Keys of buckets: their rows, and every change of their state.
 *
 * waiting → active → retiring → revoked → gone; what waits or is active may be revoked, too. A key
 * is gone when the store has said so. The caller holds the bucket's row, but for mark_delivered().
 */
#pragma once

#include "registry/bucket.hpp"

namespace appinfra::bucket_key
{

using State = states::Credential;

struct Key {
    int64 id; /* 0: none */
    const char *access_key;
};

/* Plans a key for the binding; keys that were planned before and are nobody's are revoked. */
Key plan(const char *bucket_id, int64 binding_id);

/* The store has made the key, under this name; false where another key has it. */
bool mark_made(int64 id, const char *access_key);

/* The key is delivered: older ones of its bucket begin to retire, and go at the deadline. */
void mark_delivered(int64 id, const Interval *deadline);

/* Nobody is to use the key any more, as of the generation. */
void revoke(int64 id, int64 generation, const char *reason);

/* The same for all keys of the bucket that are not revoked; returns how many. */
int revoke_all(const char *bucket_id, int64 generation, const char *reason);

/* Tells whether the bucket has a key that is not revoked. */
bool has_living(const char *bucket_id);

/* Keys that were revoked up to this generation are gone from the store. */
void mark_gone(const char *bucket_id, int64 generation);

/*
 * Commits may be lost: a key that was planned may have been made and delivered. It is taken for one
 * that was, and goes when its successor is delivered.
 */
void keep_after_loss();

} // namespace appinfra::bucket_key
