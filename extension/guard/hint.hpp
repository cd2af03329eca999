/*
 * Hints: what a tenant does instead of what the guard refuses.
 *
 * One sentence or two for each rule, or for what is tried where that says more. A hint names the
 * tenant's own roles and is made without looking at a catalog, so that it can be given anywhere.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard::hint
{

/*
 * Returns the hint for a rule that was broken by the object (a statement, a function, a setting),
 * in the current memory context.
 */
const char *of(const char *rule, const char *object);

/*
 * Returns the hint for what PostgreSQL's own privileges refuse, by its message; what core has given
 * itself, unless there is something better.
 */
const char *of_privileges(const char *message, const char *given);

} // namespace appinfra::guard::hint
