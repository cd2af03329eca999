/*
 * Changes: which actions change what stands inside a tenant's database, or what an answer about it
 * depends on. exposures() keeps such answers (exposure/kept.hpp); these are due at once.
 *
 * A row of its own for each: whoever writes one waits for nobody, and one that is not committed yet
 * is not taken for one that was seen.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::changes
{

/* Notes the tenant of an action that is such a change; null: of none. Inside with_spi(). */
void note(const char *action, const char *db_id);

} // namespace appinfra::changes
