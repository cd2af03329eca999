/*
 * Installation: what CREATE EXTENSION requires and does to the host, and what DROP EXTENSION refuses.
 */
#pragma once

#include "pg.hpp"

namespace appinfra::install
{

/* Registers the hook that guards DROP EXTENSION. Called once, by _PG_init. */
void define();

/*
 * Refuses outside CREATE EXTENSION and outside the control database; makes the group roles of the
 * lanes; closes the control database and the host's templates to PUBLIC.
 */
void check(Oid function);

/* Returns the installed version of the extension, as the catalog has it. */
char *version();

} // namespace appinfra::install
