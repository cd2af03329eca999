/*
 * Recovery: how this server came to the timeline that it is on.
 *
 * A standby that was promoted goes on where its primary was. A server that was recovered to a
 * target stops before that on purpose, and one that was restored from an archive may be a copy. The
 * history file of the timeline tells of targets; which of the two it was stands in a file of our
 * own, because the server removes its signal files before any worker of ours runs, and may crash
 * before one has looked.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::recovery
{

/* Looks for signal files whenever the server starts. Called once, by _PG_init. */
void define();

/* What the last start that had a signal file was. */
enum class Kind { none, standby, archive };

/* Returns what recovery has led here since forget() was called last. */
Kind kind();

/* Returns the target at which a timeline from this one on was left; a null pointer: at none. */
const char *target_since(TimeLineID timeline);

/* What there was to know of the recovery stands in the registry now. */
void forget();

} // namespace appinfra::recovery
