/*
 * Publications: what environments are owed, who is delivering it, and every change of its status.
 *
 * Words: a *claim* is one sidecar's hold on a publication until its *lease* ends. At most one
 * publication of a binding is claimed, at most one is pending.
 *
 * pending → claimed → published, failed or pending again; pending and claimed → superseded (a newer
 * one takes its place) or cancelled (what it delivers is revoked); failed → pending by a retry.
 *
 * Locks are taken in the order owner (the tenant), binding, publication, credential. Whoever
 * changes what a binding owes holds its row and its owner's. The answer to a claim that is held
 * locks the publication, its binding only if that is free, and the credentials of the binding, so
 * that nobody's open transaction holds up a sidecar; a late answer waits for owner and binding.
 */
#pragma once

#include "registry/binding.hpp"
#include "registry/states.hpp"

namespace appinfra::publication
{

using Status = states::Publication;

/*
 * Owes the binding one more publication (an unset one when it has ended) and returns its id; 0 when
 * the binding has lost its variables to another. One that is pending already is superseded, and so
 * is what former holders of its variables have not unset yet. Without
 * a credential (0), a waiting login of the binding is used, or one is made. Null intervals: the
 * defaults of rotate_credential().
 */
int64 enqueue(int64 binding_id, int64 credential_id, const Interval *grace = nullptr,
              const Interval *deadline = nullptr);

/* Cancels what is to set the variables of the binding. */
void cancel_of_binding(int64 binding_id);

/* Cancels what is to deliver the credential. */
void cancel_of_credential(int64 credential_id);

/* Cancels what is to deliver the key of a bucket. */
void cancel_of_bucket_key(int64 bucket_key_id);

/* The same of an API key. */
void cancel_of_key(const char *key_id);

/* Tells whether a publication of the binding is pending, and whether one is pending or claimed. */
bool is_pending(int64 binding_id);
bool is_under_way(int64 binding_id);

/* Tells whether these variables may have been delivered: by this binding, by one whose value it
 * was to overwrite, or on a timeline that was lost. */
bool may_be_delivered(int64 binding_id);

/* The publication, which has failed, is pending again. */
void mark_retried(int64 publication_id);

/* A claim as it begins. */
struct Claim {
    int64 publication_id;
    int64 version;
    int64 credential_id; /* of a bucket: that of its key; 0: it delivers none */
    const char *worker;
    const Interval *lease;
    const pg_uuid_t *id;
};

/* Makes a publication of the binding that this claim has from its birth, to hand a key of a bucket
 * to a caller. Returns its id. */
int64 begin_handout(int64 binding_id, int64 bucket_key_id, const Interval *deadline,
                    const Claim &claim);

/* Hand-outs whose lease has ended have failed: nobody is to receive them later. */
void fail_lost_handouts();

/* Gives the publication to the claim, which replaces a claim that was lost. Returns how many claims
 * there have been. */
int32 mark_claimed(const Claim &claim);

/*
 * Supersedes a claimed publication that is not worth claiming once more: a newer one of its binding
 * waits, or another binding has taken its variables. False when it stays.
 */
bool supersede_if_outdated(int64 publication_id);

/* The publication, which has failed, is not needed: others have what it was to unset. */
void mark_superseded(int64 publication_id);

/* Tells whether another publication of the binding is claimed. */
bool has_competitor(int64 publication_id, int64 binding_id);

/* Leaves a publication that cannot be claimed for a minute later. */
void put_off(int64 publication_id, const char *error);

/* The time to which a lease was extended. */
struct Extension {
    const char *owner_id; /* null pointer: the claim is not held */
    const char *lease_until;
};

/* Sets the lease of a claim anew. */
Extension extend(int64 publication_id, const pg_uuid_t *claim, const Interval *lease);

/* The variables are delivered. */
void mark_published(int64 publication_id, const Jsonb *response);

/* Whether what was sent has surely not been stored. */
enum class Delivered { no, unknown };

/* How a delivery failed. */
struct Failure {
    const char *error;
    Delivered delivered;
    std::optional<TimestampTz> retry_at; /* none: it has failed for good */
};

/*
 * The delivery has failed: the publication is pending again, or has failed for good, or is
 * superseded where a newer one waits. Returns what it is. The binding is locked.
 */
Status mark_failed(int64 publication_id, int64 binding_id, const Failure &failure);

/* Ends the lease of a claim, so that the next claim decides what becomes of the publication. */
void give_up_lease(int64 publication_id);

/* The same for all claims: what they deliver is published again. */
void give_up_leases();

/* Counts the lost claim as one that has answered. */
void mark_answered(int64 publication_id, const pg_uuid_t *claim);

} // namespace appinfra::publication
