/*
 * Keys: rotating and revoking those of buckets, and waiting until the store has said so.
 */
#pragma once

#include "bucket/connection.hpp"

namespace appinfra::bucket_keys
{

/* Owes the bucket's variables a new key; without publish, a hand-out is to bring it. */
bucket_connection::Connection rotate(const char *bucket_id, const Interval *deadline, bool publish);

/* Revokes every key that has a published successor; returns how many. */
int finish_rotation(const char *bucket_id);

/* Revokes the key when this transaction commits. */
void revoke(const char *access_key, const char *reason);

/* Revokes every key of the bucket; returns how many. */
int revoke_bucket(const char *bucket_id, const char *reason);

/* Has a key removed that a comparison has found and that the registry does not know. */
void forget(const char *access_key);

/* Waits until the store has said that the revoked key is gone; false when the time was over. */
bool wait(const char *access_key, const Interval *timeout);

} // namespace appinfra::bucket_keys
