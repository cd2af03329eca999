/*
 * The janitor: the process that finishes what a revocation or a deprovisioning leaves, one
 * committed step after another.
 *
 * A tenant can hold up what is cleaned up after it (by locks, grants, prepared transactions). So
 * nobody waits for the janitor, each step is tried again after a growing pause, and the views show
 * what keeps it.
 */
#pragma once

#include "base/pg.hpp"

extern "C" {
PGDLLEXPORT void appinfra_janitor_main(Datum argument);
}
