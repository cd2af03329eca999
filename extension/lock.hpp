/*
 * Locks on names: try once, never wait.
 *
 * Held until the (sub)transaction ends. They are advisory locks in a class of their own, so that
 * nobody's pg_advisory_lock() can take one. "Taken" means: somebody whose transaction has not ended
 * is about to use this name.
 */
#pragma once

#include "pg.hpp"

namespace appinfra::lock
{

/* What kind of name it is; different kinds never meet. */
enum class Kind : char { name = 'n', variable = 'v', idempotency_key = 'k' };

/* Takes the lock; false when another transaction holds it. */
bool try_take(Kind kind, const char *name, const char *of = "");

} // namespace appinfra::lock
