/* The guard's hook for what is executed, made, changed and dropped, by whatever statement. */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

/* Hooks object access. Called once, by define(). */
void define_object_access();

} // namespace appinfra::guard
