/*
 * The builder: the process that makes the template and shells, one small committed step after
 * another.
 *
 * Each step looks at what is there and does what is missing, so that a builder that starts after a
 * kill at any moment goes on where the last one stopped.
 */
#pragma once

#include "base/pg.hpp"

extern "C" {
PGDLLEXPORT void appinfra_builder_main(Datum argument);
}
