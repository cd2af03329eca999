/* The settings of a session that made code (code.hpp) runs in: afterwards as before. */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard::session_settings
{

/* Remembers the settings as the outermost call of made code begins. */
void enter(Oid function);

/* Puts them back as it ends; true where they have changed and cannot be put back. */
bool leave();

} // namespace appinfra::guard::session_settings
