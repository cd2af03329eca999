/*
 * Observed: what a sidecar has found at the store, beside what it has done there.
 */
#pragma once

#include "base/refusal.hpp"
#include "registry/bucket.hpp"

namespace appinfra::bucket_work::observed
{

/* Refuses what is no object of the known members. A null pointer is fine. */
const Refusal *check(const Jsonb *observed);

/* Keeps it for views and exposures. A bucket that is missing has failed; it is not made again. */
void record(const bucket::Bucket &bucket, const Jsonb *observed);

} // namespace appinfra::bucket_work::observed
