/* The cursors of a session that made code (code.hpp) runs in: its client's stay its client's. */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard::session_cursors
{

/* Keeps the cursors that there are from being read, closed or replaced. */
void enter();

/* Lets the client use them again. */
void leave();

/* Returns the name of a cursor that was opened between enter() and leave() and is still there. */
const char *left_open();

} // namespace appinfra::guard::session_cursors
