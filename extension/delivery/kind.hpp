/*
 * Kinds: what a publication needs to know of the thing whose credentials it delivers.
 *
 * Claims and acknowledgements are the same for databases and for whatever else an app is given.
 * What differs stands behind the functions of a Kind. The binding says which one it is of. The
 * modules that own the things add their kinds when the library is loaded.
 */
#pragma once

#include "base/json.hpp"
#include "base/secrets.hpp"
#include "registry/publication.hpp"

namespace appinfra::kind
{

/* Whether to wait for another transaction's lock. */
enum class Wait { no, yes };

/* What the binding belongs to. Its row is locked. */
struct Owner {
    const char *id;
    const char *name; /* what it is called on the host */
    bool ready;       /* new credentials of it may be delivered */
    bool retriable;   /* what has failed may be tried again */
};

/* A credential with its new password. */
struct Minted {
    int64 credential_id;
    const char *username;
    secrets::Password password;
};

struct Kind {
    const char *name; /* as a Binding has it */

    /* Locks the binding's owner and fills it in; false when another transaction has it locked. */
    bool (*lock_owner)(const binding::Binding &binding, Wait wait, Owner *owner);

    /* Tells whether nobody else is at work for the owner, so that it can be claimed. */
    bool (*is_free)(const Owner &owner);

    /*
     * Makes a password for a credential of the binding that waits for its first, if possible that
     * of this id (0: any); where none waits, makes a credential.
     */
    void (*mint)(const Owner &owner, const binding::Binding &binding, int64 credential_id,
                 Minted *minted);

    /* Returns what its store is to look like, for the claim; a null pointer: nothing. */
    const Jsonb *(*describe)(const Owner &owner, const Minted &minted);

    /* Adds the binding's variables and their values to the object. */
    void (*add_values)(const Owner &owner, const binding::Binding &binding, const Minted &minted,
                       json::Object *object);

    /* Takes the password away again: surely nobody has received it. */
    void (*withdraw)(int64 credential_id);

    /* The delivery is about to have failed: may change what becomes of it. */
    void (*before_failure)(const Owner &owner, publication::Failure *failure);

    /* A publication that has failed for good is tried again. */
    void (*before_retry)(const Owner &owner);

    /* The credential is delivered: those of its binding that are older begin to retire. */
    void (*mark_delivered)(int64 binding_id, int64 credential_id, const Interval *grace,
                           const Interval *deadline);
};

/* Adds a kind. Called by _PG_init. */
void add(const Kind &kind);

/* Returns the kind of the binding. */
const Kind &of(const binding::Binding &binding);

} // namespace appinfra::kind
