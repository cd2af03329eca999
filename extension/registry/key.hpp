/*
 * Keys: API keys of workspaces, their rows, and every change of them.
 *
 * A key is active until it expires or is revoked; both only with time. A *line* is a key and its
 * successors by rotation, named by the first of them. At rest is the SHA-256 of a key's secret.
 * Locks: the tenant's row, then the key's lock (lock::Kind::api_key), then its row.
 */
#pragma once

#include "base/refusal.hpp"

/* Whether key k is active, expired or revoked, in SQL. */
#define KEY_STATUS                                                                                 \
    "CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked'"                                            \
    "     WHEN k.expires_at <= clock_timestamp() THEN 'expired' ELSE 'active' END"

namespace appinfra::key
{

constexpr int id_length = 16;     /* characters of base64url */
constexpr int secret_length = 32; /* the same */
constexpr int name_limit = 128;   /* bytes */

/* A key, and what may become of a call with it. */
struct Key {
    const char *key_id;
    const char *db_id;
    const char *role;
    const char *env;
    const char *name; /* null pointer: none */
    const char *line;
    const char *workspace_status;
    bool is_active;
    bool is_use_old; /* its last use was recorded more than a minute ago, or never */
    bool is_used;
    const Interval *valid_for; /* null pointer: for ever */

    bool is_dbadmin() const;
    bool is_reader() const;
    bool is_workspace_ready() const;
};

/* Returns the access of a role of keys; null for a word that is none. */
const char *access_of(const char *role);

/* Returns the role of an access of keys. */
const char *role_of(const char *access);

/* Returns what a key looks like to who has it. */
const char *text_of(const char *env, const char *key_id, const char *secret);

/* Returns the key, or null for an unknown one. */
const Key *look(const char *key_id);

/* Locks the key's row and returns the key, or raises 42704. */
Key lock(const char *key_id);

/* Raises 42704. */
[[noreturn]] void raise_unknown(const char *key_id);

/* What is known of a key when it is made. */
struct NewKey {
    const char *key_id;
    const char *db_id;
    const char *role;
    const char *env;
    const char *name;
    const bytea *digest;
    const char *line;
    const char *replaces; /* null pointers: none */
    const char *created_by;
    const Interval *valid_for;
    const char *caller_line; /* of the key that asked for it */
    const char *idempotency_key;
};

/* Adds an active key and returns when it expires; none: never. */
std::optional<TimestampTz> add(const NewKey &key);

/* Returns how many active keys the tenant has. */
int count_active(const char *db_id);

/* The key expires after that time, if not before. */
void expire_after(const char *key_id, const Interval *time);

/* The key is revoked; false when it was. The caller holds its lock. */
bool mark_revoked(const char *key_id, const char *reason);

/* Revokes what a dropped tenant has. */
void revoke_of_tenant(const char *db_id);

/* Records that the key is being used; not where somebody has it locked. */
void mark_used(const char *key_id);

/* Returns the newest key that replaces this one and is not revoked; null for none. */
const char *successor_of(const char *key_id);

/* Returns the key that an earlier call with the idempotency key has made; null for none. */
const char *made_by(const char *caller_line, const char *idempotency_key);

} // namespace appinfra::key
