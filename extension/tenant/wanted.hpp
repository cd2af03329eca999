/*
 * Wanted: the variables that a caller asks for, as env says them: {"DATABASE_URL": "owner"}.
 */
#pragma once

#include "registry/binding.hpp"

namespace appinfra::wanted
{

/* A variable, and who is to hold which access in it. Null pointer: the access is no text. */
struct Variable {
    const char *name;
    const char *access;
    const char *via;   /* null pointer: none was asked for */
    const char *other; /* what it has beside these; null pointer: nothing */
    bool pooled;       /* its DSN is to go through the pooler */
};

/* Whose environment the variables are to stand in. */
struct Environment {
    const char *app_id;    /* a null pointer: the database's own app */
    const char *container; /* of the app; a null pointer: its own environment */
};

/* Refuses an app_id, and the name of a container, that are none. */
const Refusal *check_environment(const Environment &environment);

/* Refuses what is no JSON object. */
const Refusal *check_object(const Jsonb *env);

/* Returns the entries of env; DATABASE_URL, whose login has the plain name, comes first. */
std::span<const Variable> parse(const Jsonb *env);

/* Refuses fewer than `least`, too many, and names and accesses that are none. */
const Refusal *check(std::span<const Variable> variables, size_t least = 1);

/* Refuses a number of variables that one call may not name. */
const Refusal *check_count(const char *what, size_t count, size_t least = 1);

/* Returns the place of a variable of the app, or of one of its containers. */
binding::Place place_of(const Variable &variable, const char *app_id, const char *container);

/* Locks the place until the transaction ends; raises where it is taken, or not to be had. */
void reserve(const binding::Place &place);

} // namespace appinfra::wanted
