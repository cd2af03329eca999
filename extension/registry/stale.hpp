/*
 * Stale bindings: what stands in their variables may be lost, or somebody else's.
 *
 * A binding is healed when something of a higher version than it had then is published.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::stale
{

/*
 * Marks what this host has published and owes again: living bindings, and for each variable that
 * nobody holds the last that held it. Returns how many. All have at most that version.
 */
int64 mark_all(int64 version);

/* Marks the binding if it was ever to be published; false when it was not. */
bool mark(int64 binding_id);

/* The binding is healed, or there is nothing to heal any more. */
void forget(int64 binding_id);

} // namespace appinfra::stale
