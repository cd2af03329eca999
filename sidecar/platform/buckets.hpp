// What the platform does for its callers with buckets: each use case once, behind REST and MCP
// alike. Every function first makes sure that the bucket is the caller's.
#pragma once

#include <optional>
#include <string>

#include "platform/bucket_run.hpp"
#include "platform/fields.hpp"
#include "platform/use_cases.hpp"

namespace sidecar::use_cases
{

bool is_bucket_id(std::string_view text);

// Throws not_found unless the bucket is the caller's, and (if it is given) the app's.
void own_bucket(Database &database, const Caller &caller, const std::string &bucket_id,
                const std::optional<std::string> &app_id = std::nullopt);

// provision_bucket: published, it waits for the store; else it hands out the key.
extern const FieldRule provision_bucket_fields[7];
BucketRun provision_bucket(Database &database, const Caller &caller, const Input &input,
                           const StoreDoor &door);

// The metadata of one bucket.
Answer get_bucket(Database &database, const Caller &caller, const std::string &bucket_id);

// The caller's buckets, by creation: of an app, or all.
extern const FieldRule bucket_list_fields[3];
Answer list_buckets(Database &database, const Caller &caller, const Input &input);

// rotate_bucket: a new key; the one it replaces is removed when deadline is over.
extern const FieldRule rotate_bucket_fields[2];
BucketRun rotate_bucket(Database &database, const Caller &caller, const std::string &bucket_id,
                        const Input &input, const StoreDoor &door);

// revoke_bucket: every key; answers 202 when the store has not said so in time.
extern const FieldRule revoke_bucket_fields[1];
BucketRun revoke_bucket(Database &database, const Caller &caller, const std::string &bucket_id,
                        const Input &input);

extern const FieldRule restore_bucket_fields[1];
BucketRun restore_bucket(Database &database, const Caller &caller, const std::string &bucket_id,
                         const Input &input, const StoreDoor &door);

// remove_bucket: deprovisions; objects and bucket are removed when retain is over.
extern const FieldRule remove_bucket_fields[1];
Answer remove_bucket(Database &database, const Caller &caller, const std::string &bucket_id,
                     const Input &input);

extern const FieldRule alter_bucket_fields[1];
Answer alter_bucket(Database &database, const Caller &caller, const std::string &bucket_id,
                    const Input &input);

// The bucket, its keys and its publications.
Answer check_bucket(Database &database, const Caller &caller, const std::string &bucket_id);

// A bucket's status, and until when it can be restored.
Answer bucket_retention(Database &database, const std::string &bucket_id);

// How far the newest delivery of a bucket's variables is.
Delivery bucket_delivery(Database &database, const std::string &bucket_id);

} // namespace sidecar::use_cases
