/*
 * Acknowledgements: what a sidecar says about a publication that it has claimed.
 *
 * A claim that was lost (its lease ended, and somebody else claimed, or the publication was
 * superseded or cancelled) may be acknowledged once, late: its binding is then published anew.
 * Unknown publications and claims raise 42704.
 */
#pragma once

#include "registry/publication.hpp"

namespace appinfra::acknowledge
{

/* Sets the lease of a claim anew; false when it is not held. */
bool extend(int64 publication_id, const pg_uuid_t *claim, const Interval *lease);

/* Records a delivery; false when the claim is not held any more. */
bool complete(int64 publication_id, const pg_uuid_t *claim, const Jsonb *response);

/* Records a failure and returns what the publication is then. */
publication::Status fail(int64 publication_id, const pg_uuid_t *claim,
                         const publication::Failure &failure);

} // namespace appinfra::acknowledge
