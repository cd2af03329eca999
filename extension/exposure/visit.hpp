/*
 * Visits: looks into databases, as rows of exposures: what a look sends (look_inside.hpp), and what
 * differs from the template.
 */
#pragma once

#include "exposure/look_inside.hpp"
#include "exposure/system_definitions.hpp"

namespace appinfra::exposure
{

/* Where what was found goes. `which` is the look's index; what it gets lives during the call. */
struct Visitor {
    void (*row)(void *self, size_t which, std::span<const char *const> fields);
    void (*failure)(void *self, size_t which, int code, const char *message);
    void *self;
};

/* Looks into all of the databases, and compares tenants' with the template's definitions. */
void visit(std::span<Look> looks, const Definitions &wanted, const Visitor &visitor);

} // namespace appinfra::exposure
