/*
 * Guard: what a tenant's login may enter.
 *
 * A role with a label is a tenant's. Whether the rule applies is decided by who logs in, not by the
 * role a session later assumes.
 */
#pragma once

namespace appinfra::guard
{

/* Registers the hooks. Called once, by _PG_init. */
void define();

} // namespace appinfra::guard
