/* The writer: turns records into rows of the audit log. For the scheduler. */
#pragma once

#include "base/pg.hpp"

namespace appinfra::events::writer
{

/* Writes what waits, and the counts that are due or `everything`; true when more waits. */
bool write(bool everything);

/* Has this process write everything when it exits, as it does when the server is stopped. */
void write_at_exit();

} // namespace appinfra::events::writer
