/* The guard's rules for settings: which ones a tenant's session may not change or read. */
#pragma once

#include "pg.hpp"

namespace appinfra::guard
{

/* Wraps the check hooks of the settings concerned. Called once, by define(), after our own. */
void define_settings();

/* Tells whether only superusers may read the setting. Unknown names: no. */
bool is_secret_setting(const char *name);

} // namespace appinfra::guard
