/*
 * Shells as a claim sees them: taking one out of the pool, waiting for one.
 *
 * How shells are built is the builder's business (builder.hpp).
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::shell
{

struct Shell {
    const char *db_id;
    const char *database; /* its name until it is claimed */
    Oid database_oid;
    int hardening;
};

/*
 * Takes a shell nobody else is taking; its registry row is deleted. Waits for one up to
 * appinfra.provision_timeout, then raises 53000. Inside with_spi().
 */
Shell take();

/* Returns how many shells are ready that no open transaction has taken. Inside with_spi(). */
int64 claimable();

/* Tells whether fewer, or more, are claimable than wanted by pool and callers. Inside with_spi().
 */
bool is_short();
bool is_long();

} // namespace appinfra::shell
