/*
 * The guard in every process that runs a tenant's code: hooks around calls of functions.
 *
 * Two rules. A tenant's function is refused to any current user that is no role of that tenant. And
 * in a tenant's database, while made code (code.hpp) is being run, the guard is active whoever the
 * current user is: so what such code becomes by a change of role in the middle of it opens nothing.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

/* Hooks the function manager. Called once, by define(). */
void define_function_calls();

} // namespace appinfra::guard
