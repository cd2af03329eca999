/*
 * The installation: the extension as this database has it, or has not.
 *
 * Between the restart with a new library and ALTER EXTENSION UPDATE the registry is that of another
 * version. Nothing of ours may read or change it then: functions refuse, workers wait.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::installation
{

enum class Version {
    none,  /* there is no extension */
    other, /* it is not of this library's version */
    ours
};

struct Installation {
    Oid extension; /* by which one installation is told from the next; 0: none */
    Version version;
};

/* Returns what this database has. In a transaction of its own. */
Installation current();

/* Raises 55000 when the extension of this database is of another version than this library. */
void require_ours();

} // namespace appinfra::installation
