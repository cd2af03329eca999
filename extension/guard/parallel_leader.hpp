/*
 * Which processes run made code (code.hpp), so that their parallel workers can tell.
 *
 * A parallel worker starts with its leader's users and settings, but not in the calls that the
 * leader is in. Each process writes down its own state; a worker looks at its leader's.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard::parallel_leader
{

/* Adds the segment of shared memory. Called once, by guard::define(). */
void define();

/* Writes down whether this process runs made code. */
void note(bool runs_made_code);

/* Tells whether this is a parallel worker whose leader does. */
bool is_guarded();

} // namespace appinfra::guard::parallel_leader
