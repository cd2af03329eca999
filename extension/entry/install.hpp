/*
 * Installation: what CREATE EXTENSION requires and does to the host, and what DROP EXTENSION
 * refuses.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::install
{

/* Registers the hook that guards DROP EXTENSION. Called once, by _PG_init. */
void define();

/*
 * Refuses outside CREATE EXTENSION and outside the control database; makes the group roles of the
 * lanes; closes the control database to all others, and the host's template1 to PUBLIC.
 */
void check();

} // namespace appinfra::install
