/*
 * Publications: what environments are owed, and who is delivering it.
 *
 * Words: a *claim* is one sidecar's hold on a publication until its *lease* ends. A claim mints the
 * password it delivers. At most one publication of a binding is claimed, at most one is pending.
 * Locks: whoever changes what a binding owes holds its row and its tenant's; answers to a claim
 * (complete, fail, extend) lock only the publication, so that nobody's open transaction holds up
 * a sidecar.
 */
#pragma once

#include "base/refusal.hpp"

namespace appinfra::publication
{

/* How a failed delivery ended. */
enum class Delivered { no, unknown };

/*
 * Owes the binding one more publication (an unset one when it has ended) and returns its id; 0 when
 * the binding has lost its variables to another. One that is pending already is superseded. Without
 * a credential (0), a waiting login of the binding is used, or one is made. Null intervals: the
 * defaults of rotate_credential().
 */
int64 enqueue(int64 binding_id, int64 credential_id, const Interval *grace = nullptr,
              const Interval *deadline = nullptr);

/* Cancels what is pending or claimed for a binding, or with a credential; 0: not by this. */
int cancel(int64 binding_id, int64 credential_id);

/* Hands due publications to a worker as rows of claim_publications(). */
void claim(const char *worker, int32 batch, const Interval *lease, ReturnSetInfo *result);

/* Sets the lease of a claim anew; false when it is not held. */
bool extend(int64 publication_id, const pg_uuid_t *claim, const Interval *lease);

/* Records a delivery; false when the claim is not held any more. */
bool complete(int64 publication_id, const pg_uuid_t *claim, const Jsonb *response);

/* Records a failure and returns the publication's status. */
char *fail(int64 publication_id, const pg_uuid_t *claim, const char *error, Delivered delivered,
           Datum retry_at, bool for_good);

/* Makes a failed publication pending again. */
void retry(int64 publication_id);

} // namespace appinfra::publication
