/*
 * Planned shells: those that have a row and group roles, and no database that is ready yet.
 *
 * Building one goes on wherever an earlier attempt was cut off.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::planned_shell
{

struct Planned {
    char db_id[16];
    char name[NAMEDATALEN];
    Oid database;
};

/* Takes a planned shell to the end: it is ready. For the builder, outside a transaction. */
void build(Planned *shell);

} // namespace appinfra::planned_shell
