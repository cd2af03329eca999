/*
 * Keys as people and keys themselves handle them: minted, rotated, revoked.
 *
 * A key's text is shown once. Which callers may do what is decided here, in the transaction that
 * does it; so a caller that has been revoked meanwhile does nothing.
 */
#pragma once

#include "gateway/key_wish.hpp"

namespace appinfra::keys
{

/* A key that was just made. */
struct Minted {
    const char *key_id;
    const char *token;
    std::optional<TimestampTz> expires_at;
};

/* Makes a key of a ready workspace. */
Minted mint(const Wanted &wanted);

/* Plans a key of a ready workspace for an app (null pointer: its own), and returns its id. */
const char *publish(const char *workspace, const char *role, const char *target_app);

/* Refuses, with 53400, one more key of the locked tenant than it may have. */
void require_room(const char *db_id);

/* Returns who makes a key: for whom the caller says that it acts, or who has logged in. */
const char *person();

/* Makes the successor of an active key, which lives on for that time. */
Minted rotate(const char *key_id, const Interval *overlap);

/* Revokes a key; again: nothing. */
void revoke(const char *key_id, const char *reason);

/*
 * Waits until no call of the revoked key is ending; false when the time is over before. Raises
 * 55000 for one that is not revoked, or whose revocation is not committed.
 */
bool wait_revoked(const char *key_id, const Interval *timeout);

/* The same as asked for by a key, for its own workspace: a dbadmin, or the key that it is about. */
Minted mint_for(const char *caller, const Wanted &wanted, const char *idempotency_key);
Minted rotate_for(const char *caller, const Interval *overlap);
void revoke_for(const char *caller, const char *key_id, const char *reason);

/* Returns the workspace of a caller that may list its keys. */
const char *workspace_of(const char *caller);

/*
 * Tells gateways of keys that were revoked, and ends the backends of their calls that take longer
 * than appinfra.gateway_commit_wait; for the scheduler. True while there are such calls.
 */
bool follow_revoked();

} // namespace appinfra::keys
