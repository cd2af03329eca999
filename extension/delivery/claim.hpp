/*
 * Claims: handing due publications to a sidecar, with the passwords they deliver.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::claim
{

/* Hands up to `batch` due publications to a worker, as rows of claim_publications(). */
void claim(const char *worker, int32 batch, const Interval *lease, ReturnSetInfo *result);

} // namespace appinfra::claim
