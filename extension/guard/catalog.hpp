/* The guard's rules for system catalogs: no tenant writes one, or reads what is secret in one. */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

/* Hooks the executor's permission check. Called once, by define(). */
void define_catalogs();

} // namespace appinfra::guard
