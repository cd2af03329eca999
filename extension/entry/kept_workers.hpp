/*
 * The workers that the scheduler keeps running while there is something for them to do.
 */
#pragma once

#include "entry/turn.hpp"

namespace appinfra::scheduler
{

/* Tasks of the scheduler: each wakes its worker, or starts it if it is needed. */
bool keep_builder(Turn &turn);
bool keep_janitor(Turn &turn);
bool keep_meter(Turn &turn);
bool keep_inspector(Turn &turn);

} // namespace appinfra::scheduler
