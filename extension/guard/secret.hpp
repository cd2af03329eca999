/* Which of the system catalogs' columns are secrets, and who gets to see them. */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

/* Tells whether what is needed shows passwords, verifiers, samples or connections to the reader. */
bool shows_secret(const pg::RelationNeed *need, const List *needs);

} // namespace appinfra::guard
