/* What the server's statistics have counted of a database; the one wrapper of that. */
#pragma once

#include "registry/usage.hpp"

namespace appinfra::usage
{

/* Returns the counts; all are 0 where there are none yet. */
Counts database_counts(Oid database);

} // namespace appinfra::usage
