/*
 * The template: a closed database that shells are copied from, made from template0 and hardened.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::template_database
{

constexpr const char *name = "appinfra_template";

/* Makes the template, or makes it anew when the hardening or a tenant_* setting has changed. */
void ensure();

/* Records why that failed, for callers that wait. */
void record_failure(const char *message);

} // namespace appinfra::template_database
