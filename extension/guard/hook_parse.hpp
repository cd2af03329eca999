/*
 * Counts calls of closed functions in a tenant's session that core's own privileges refuse.
 *
 * Core refuses them before any other hook is asked, and the tenant's code may catch that error. So
 * each statement is looked through once it has been analysed, and refused by the guard's rule where
 * core would refuse it later. What core lets through is left to the hook for executed functions.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

/* Hooks the analysis of statements. Called once, by define(). */
void define_parse();

} // namespace appinfra::guard
