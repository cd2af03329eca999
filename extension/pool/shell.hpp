/*
 * Shells as a claim sees them: taking one out of the pool, waiting for one.
 *
 * The builder makes them (builder.hpp).
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
bool has_deficit();
bool has_surplus();

} // namespace appinfra::shell
