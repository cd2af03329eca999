/*
 * Retrying a publication that has failed, at a caller's request.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::retry
{

/* Makes a failed publication pending again, or raises. Records it in the audit. */
void retry(int64 publication_id);

} // namespace appinfra::retry
