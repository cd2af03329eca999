/* The guard's rules for utility statements. */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

/* Hooks utility statements. Called once, by define(). */
void define_statements();

} // namespace appinfra::guard
