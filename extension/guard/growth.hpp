/*
 * Growth: what makes a tenant's database larger, and its end at the tenant's disk limit.
 *
 * Whether the tenant is above its limit is one word in shared memory (shmem/disk_limits.hpp), so a
 * statement below it pays a store and a comparison. What has begun before is cancelled by the
 * meter, and this file makes of that error what it is. Refusals are SQLSTATE 53100, with
 * `disk_limit` as the name of the constraint, by which a full disk of the host is told from a
 * tenant's limit.
 */
#pragma once

#include "guard/guard.hpp"

namespace appinfra::growth
{

/* Notes, or refuses, a statement that inserts into or updates relations. */
void check_write(Oid relation);

/* The same for a utility statement, if it grows; any may give space back. */
void check_statement(Node *statement);

/* The same for a function, if it writes large objects. */
void check_function(Oid function);

/* Makes a refusal of the error by which the meter's cancellation is reported. */
void explain(ErrorData *error);

} // namespace appinfra::growth
