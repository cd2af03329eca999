/* The guard's rules for settings: which ones a tenant's session may not change or read. */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

/* Wraps the check hooks of the settings concerned. Called once, by define(), after our own. */
void define_settings();

/*
 * Refuses to change a setting that core keeps for superusers: core does so before the check of its
 * value, and the tenant's code could catch that error uncounted. Null: no setting in particular.
 */
void check_setting_of_superusers(const char *name);

/* Tells whether only superusers may read the setting. Unknown names: no. */
bool is_secret_setting(const char *name);

/*
 * Leaves those settings out of pg_settings in this process, or not. That view shows the values at
 * the start of the session and after a reset as they are.
 */
void hide_secret_settings(bool hidden);

} // namespace appinfra::guard
