/*
 * Seals: what makes a change of the audit log show.
 *
 * A *seal* is the SHA-256 of a batch of rows, a range of ids, together with the seals before it: so
 * each holds the whole history. It has usually one predecessor, the first has none, and a registry
 * restored from a dump makes one with two. Its number is the time at which it was made, so that a
 * host that was set back never uses one again. The newest, the *head*, is what the sidecar carries
 * out of the host: an attacker who rewrites the log and all its seals cannot rewrite that copy.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::seals
{

/* Seals the next rows that are final; true when more are to be sealed. For the scheduler. */
bool seal_next();

/* Removes old batches as appinfra.audit_retention says; true when more are. For the scheduler. */
bool remove_old();

/* Refuses to change or remove rows of the log, unless this is remove_old(). For a trigger. */
void refuse_change(const char *table);

/* What verify_audit() has found. */
struct Verdict {
    bool ok;
    int64 sealed;       /* rows that have been sealed, also those that retention has removed */
    int64 unsealed;     /* rows that wait to be */
    int64 first_bad;    /* the first id of the first batch that is not as it was; 0: none */
    const char *detail; /* what is wrong; null: nothing */
};

/* Computes every seal anew. Inside with_spi(). */
Verdict verify();

} // namespace appinfra::seals
