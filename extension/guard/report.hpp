/* Counts what PostgreSQL's own privileges refuse to tenants, as the guard's refusals are. */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

/* Hooks the reporting of errors. Called once, by define(). */
void define_report();

} // namespace appinfra::guard
