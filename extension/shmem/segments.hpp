/*
 * Segments: the parts of shared memory that modules own.
 *
 * Each module's define() adds its segment. Sizes are asked for when all settings are known, because
 * a setting decides how large the ring of events is. The first process that attaches to a segment
 * fills it in.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::segments
{

/* A part of shared memory: its name there, its size, and what its owner does with it. */
struct Segment {
    const char *name;
    size_t (*size)();
    void (*attach)(void *memory, bool is_new);
};

/* Hooks the request for memory and its initialisation. Called once, by _PG_init, before add(). */
void define();

/* Adds a segment. For the define() of the module that owns it. */
void add(const Segment &segment);

} // namespace appinfra::segments
