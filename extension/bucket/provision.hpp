/*
 * Provisioning: a bucket for an app, as rows alone; a sidecar makes it at the store.
 */
#pragma once

#include "bucket/connection.hpp"

namespace appinfra::bucket_provision
{

/* The arguments of provision_bucket(), none of them checked yet but for NULL. */
struct Request {
    const char *app_id;
    const char *owner_user_id;
    const char *slug;
    const char *env_prefix;
    std::optional<int64> quota;
    bool publish;
    const char *idempotency_key; /* null pointer: none */
};

/* Plans a bucket for an app. The result lives in the caller's memory context. */
bucket_connection::Connection provision(const Request &request);

/*
 * Gives the bucket a binding that holds its variables. Another bucket of the same app and owner
 * that holds them loses them; its id is returned, or null. Refuses where somebody else holds one.
 */
const char *take_variables(const bucket::Bucket &bucket, int64 *binding_id);

/* Refuses a quota below 0. */
const Refusal *check_quota(std::optional<int64> quota);

} // namespace appinfra::bucket_provision
