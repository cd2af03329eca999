/*
 * Connections: what every function that provides a bucket answers with. Never a secret.
 */
#pragma once

#include "registry/binding.hpp"
#include "registry/bucket.hpp"

namespace appinfra::bucket_connection
{

/* An appinfra.bucket_connection. Null pointers become NULL. */
struct Connection {
    const char *bucket_id;
    const char *status;
    const char *bucket_name;
    const char *endpoint_url;
    const char *region;
    const char *access_key;
    Datum env_keys; /* text[] */
    const char *replaced_bucket_id;
};

/* Reads how the bucket is reached, into the caller's memory. */
Connection read(MemoryContext caller, const char *bucket_id, const char *replaced = nullptr);

/* Returns the place of the bucket's variables in its app's environment. */
binding::Place place_of(const bucket::Bucket &bucket);

/* Returns the id of the bucket's living binding; 0: it holds no variables. */
int64 binding_of(const char *bucket_id);

/* Returns the id of the binding that ended with the bucket; 0: it held no variables then. */
int64 restorable_binding_of(const char *bucket_id);

} // namespace appinfra::bucket_connection
