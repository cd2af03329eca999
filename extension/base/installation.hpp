/*
 * The installation: the extension as this database has it, or has not.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::installation
{

/*
 * Returns the extension's OID, by which one installation is told from the next; 0: this database
 * has none. In a transaction of its own.
 */
Oid current();

} // namespace appinfra::installation
