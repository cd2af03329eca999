/*
 * The inspector: a worker that looks into tenants' databases, so that exposures() need not.
 *
 * It runs while looks are due (kept.hpp): those that an action asks for at once, the others with
 * pauses, so that it takes a small part of one core however many there are. It is not needed: what
 * it has not come to, exposures() looks at itself.
 */
#pragma once

#include "base/pg.hpp"

extern "C" {
PGDLLEXPORT void appinfra_inspector_main(Datum argument);
}
