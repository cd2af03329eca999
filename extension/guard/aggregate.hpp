/*
 * The guard's rule for aggregates: none is made of a function that may not stand in what is stored.
 *
 * What uses an aggregate is judged when it is stored, and an aggregate can be replaced afterwards.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

/* Remembers that a function was made: its aggregate part follows. */
void note_function_made(Oid function);

/* Refuses the aggregate that the statement has just made, if it made one of such functions. */
void check_aggregate_made(const Node *statement);

} // namespace appinfra::guard
