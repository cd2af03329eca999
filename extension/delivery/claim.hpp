/*
 * Claims: handing due publications to a sidecar, with the passwords they deliver.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::claim
{

/* Who claims what, and for how long. */
struct Request {
    const char *worker;
    int32 batch;
    const Interval *lease;
    Datum producers; /* text[] */
};

/* Hands up to `batch` due publications to a worker, as rows of claim_publications(). */
void claim(const Request &request, ReturnSetInfo *result);

} // namespace appinfra::claim
