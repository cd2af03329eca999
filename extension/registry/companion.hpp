/*
 * Companions: variables that stand beside the credentials of a target and hold no secret, such as
 * the certificates of the authorities that its apps are to trust.
 *
 * A companion is a row of appinfra.variable that no binding holds. The first binding of a target
 * whose tenant is ready carries it: several publications of a target that carried it at once would
 * overtake each other, and the later would be refused as stale. It takes the version of the
 * publication that carries it, and that is always above its own.
 */
#pragma once

#include "registry/binding.hpp"

namespace appinfra::companion
{

/* A variable and what it is to hold. */
struct Companion {
    const char *variable;
    const char *value;
};

/* What a publication carries beside the variables of its binding. */
struct Load {
    std::span<const Companion> set;
    Datum unset; /* text[] */
};

/* Refuses variables of an app of which one is a companion's. */
const Refusal *check_free(Datum variables);

/* Returns what a publication that sets, or unsets, the binding's variables has to carry. */
Load load(const binding::Binding &binding, bool set);

/* Tells whether a version is above that of each companion in the load. */
bool is_above(const binding::Binding &binding, const Load &load, int64 version);

/* The load is handed over with the version. */
void mark_claimed(const binding::Binding &binding, const Load &load, int64 version);

/* A publication of the target is stored: what it has unset is a companion no more. */
void mark_published(const binding::Binding &binding);

} // namespace appinfra::companion
