/*
 * Retention: buckets that are not wanted any more, kept for a time, and brought back; and quotas.
 */
#pragma once

#include "bucket/connection.hpp"

namespace appinfra::bucket_retention
{

/* Revokes every key and keeps the bucket for that long; again, while it is kept: moves its end. */
void deprovision(const char *bucket_id, const Interval *retain);

/* Brings a revoked or deprovisioned bucket back, with a new key. */
bucket_connection::Connection restore(const char *bucket_id, bool publish);

/* Sets how much the bucket may hold; none: as the host says. */
void set_quota(const char *bucket_id, std::optional<int64> quota);

/* Revokes keys whose time is over, drops what was kept, and gives up lost hand-outs. */
void follow();

} // namespace appinfra::bucket_retention
