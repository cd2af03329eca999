/*
 * Credentials: logins, their rows in the registry, and every change of their state.
 *
 * A credential is one LOGIN role in one group, NOINHERIT, with `SET role` to that group and a
 * direct CONNECT on its own database. Once anyone may have received its password it never changes:
 * another hand-over needs another login.
 *
 * waiting ⇄ active → retiring → revoked → gone; what waits may retire, and anything be revoked. The
 * caller holds the tenant's row.
 */
#pragma once

#include "base/ddl.hpp"
#include "base/secrets.hpp"
#include "base/refusal.hpp"
#include "registry/purpose.hpp"
#include "registry/states.hpp"

namespace appinfra::credential
{

using State = states::Credential;

struct Credential {
    int64 id; /* 0: none */
    const char *username;
};

/* Refuses a word that is no access. */
const Refusal *check_access(const char *word, const char *of);

/* Makes a login and its registry row: with a password active, without one waiting for its first. */
Credential create(const Purpose &purpose, const secrets::Password *password);

/* Gives a waiting credential its password: from now on it is active. */
void hand_over(const Credential &credential, const secrets::Password &password);

/* Takes the password of a credential away that surely nobody received: it waits once more. */
void withdraw_password(int64 credential_id);

/*
 * Returns a login of the binding, and of its access, that waits for its first password; none when
 * there is none. Only one that is newer than all that somebody may have counts: what retires is
 * older than what replaces it.
 */
Credential find_waiting(int64 binding_id);

/* The same, and its role exists. If several wait, that one comes first. */
Credential find_deliverable(int64 binding_id, int64 first_choice);

/* Returns the name of the binding's newest login that is not revoked; null when there is none. */
const char *newest_name(int64 binding_id);

/* The credential stands in its environment from now on. */
void mark_published(int64 credential_id);

/*
 * Starts the retirement of the binding's credentials that are older than this one, also of those
 * that still wait: it has been published, or handed to the caller.
 */
void retire_older(int64 binding_id, int64 credential_id, const Interval *grace,
                  const Interval *deadline);

/*
 * Somebody has logged in with the role, if it is a credential's that was not used before. False
 * when another transaction has that credential locked, and nothing is recorded.
 */
bool mark_used(Oid role);

/* Lets the credential, and the password of its login, expire after that time. */
void expire_after(const Credential &credential, const Interval *time);

/* The gateway's logins for that database and access retire after that time. */
void retire_gateways(const Purpose &purpose, const Interval *after);

/* Returns the names of the gateway's logins that are not revoked, a tenant's after another's. */
std::span<const char *const> find_gateways(const char *gateway);

/* The credential is revoked; its role has been disabled by the caller. */
void mark_revoked(int64 credential_id, const char *reason);

/* The credential's role has another name now. */
void record_role_name(int64 credential_id, const char *role_name);

/* Returns the tenant's revoked credentials. */
std::span<const int64> find_revoked(const char *db_id);

/* Returns the name that is nobody's, which a credential's role gets. */
const char *freed_name(int64 credential_id);

/* What is told of a credential whose last session has ended. */
struct Ended {
    const char *db_id; /* null pointer: not yet, or told before */
    const char *username;
    const char *sessions; /* how many there were */
};

/* Records how many sessions of a revoked credential were found; 0: none is left. */
Ended record_sessions(int64 credential_id, int found);

/* Whose a credential was, for the audit. */
struct Gone {
    const char *db_id;
    const char *username;
    const char *role_name;
};

/* The role of the credential does not exist any more. */
Gone mark_gone(int64 credential_id);

/* Its retirement or removing its role has failed; it is tried again after a growing pause. */
void put_off(int64 credential_id, const char *error);

} // namespace appinfra::credential
