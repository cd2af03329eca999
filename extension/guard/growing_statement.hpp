/*
 * Which utility statements grow: all but those that are known not to, so that what a later major
 * brings, or a large text in a catalog, is no way round a limit.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::growth
{

/* Tells whether the statement makes the database larger by itself. DML is checked where it runs. */
bool grows(const Node *statement);

} // namespace appinfra::growth
