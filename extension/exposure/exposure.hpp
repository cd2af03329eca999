/*
 * Exposures: what is open on this host, and the statement that closes it. See rules.hpp.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::exposure
{

/* Appends everything to the result, or what concerns the host and one tenant. */
void report(const char *db_id, ReturnSetInfo *result);

} // namespace appinfra::exposure
