/*
 * Hand-outs: keys that go to a caller and into no environment; and keys that the store has made.
 */
#pragma once

#include "registry/bucket.hpp"

namespace appinfra::bucket_handout
{

struct Handout {
    int64 publication_id;
    const pg_uuid_t *claim;
    const Jsonb *storage;
};

/* Begins to hand a new key of the bucket out. The result lives in the caller's memory context. */
Handout begin(const char *bucket_id, const char *worker, const Interval *lease);

/* The store has made the key of the claim; false when the claim is not held. */
bool record(int64 publication_id, const pg_uuid_t *claim, const char *access_key);

} // namespace appinfra::bucket_handout
