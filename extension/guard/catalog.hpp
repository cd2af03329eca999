/* The guard's rules for system catalogs: no tenant writes one, or reads what is secret in one. */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

/* Hooks the executor's permission check. Called once, by define(). */
void define_catalogs();

/* Tells whether what is needed shows passwords, verifiers, samples or connections to the reader. */
bool shows_secret(const pg::RelationNeed *need, const List *needs);

} // namespace appinfra::guard
