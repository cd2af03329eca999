/*
 * Work: bringing the store to the generation of a bucket, by a sidecar that has it claimed.
 *
 * One claim of a bucket at a time, over work and publications together. Who has lost a claim and
 * answers late may have changed the store meanwhile: there is one more generation then.
 */
#pragma once

#include "registry/bucket.hpp"

namespace appinfra::bucket_work
{

/* Who claims what, and for how long. */
struct Request {
    const char *worker;
    int32 batch;
    const Interval *lease;
    const Interval *check_older_than; /* null pointer: only what the store is behind of */
};

/* A claim of the work of a bucket. */
struct Claim {
    const char *bucket_id;
    const pg_uuid_t *id;
};

/* How work has failed. */
struct Failure {
    const char *error;
    const char *code;
    std::optional<TimestampTz> retry_at; /* none: after a growing pause */
};

/* Hands out buckets, as rows of claim_bucket_work(). */
void claim(const Request &request, ReturnSetInfo *result);

/* Sets the lease anew; false when the claim is not held. */
bool extend(const Claim &claim, const Interval *lease);

/* The store has the generation, and this was found there; false when the claim is not held. */
bool complete(const Claim &claim, int64 generation, const Jsonb *observed);

/* Records a failure and returns the bucket's status. */
const char *fail(const Claim &claim, const Failure &failure);

/* Keeps the names that the registry does not know; returns how many they are. */
int report_unknown(Datum names);

} // namespace appinfra::bucket_work
