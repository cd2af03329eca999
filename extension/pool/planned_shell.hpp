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
    int attempts; /* that have failed */
};

/* For the builder, outside a transaction. */

/* Takes a planned shell to the end: it is ready. */
void build(Planned *shell);

/* Forgets a planned shell. Its database and roles are leftovers then; files of none are removed. */
void give_up(const Planned &shell);

} // namespace appinfra::planned_shell
