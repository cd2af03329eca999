/*
 * What is asked for of a key, and what can be refused of that without the registry. Refusals are
 * values; a null pointer is none.
 */
#pragma once

#include "registry/key.hpp"

namespace appinfra::keys
{

/* What is asked for. Null pointers: not given. */
struct Wanted {
    const char *workspace; /* db_id, workspace_id or slug */
    const char *role;
    const char *name;
    const char *env;
    const Interval *valid_for;
};

/* Refuses a wish that no workspace can grant. */
const Refusal *check(const Wanted &wanted);

/* Refuses what is no role of keys. */
const Refusal *check_role(const char *role);

/* Refuses a time for which a rotated key may not live on. */
const Refusal *check_overlap(const Interval *overlap);

} // namespace appinfra::keys
