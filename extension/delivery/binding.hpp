/*
 * Bindings: which variables of which target a tenant holds, and the versions of what stands there.
 *
 * A (target, variable) is held by one binding at a time; its version only grows, also from one
 * binding to the next, so that a late delivery is always the lower one.
 */
#pragma once

#include "base/refusal.hpp"

namespace appinfra::binding
{

/* Whose environment, and which of its variables. */
struct Place {
    const char *app_id;
    const char *target;
    Datum variables;        /* text[] */
    const char *service_id; /* null pointers for an app */
    const char *host_id;
};

/* Returns the place of an app's variables. */
Place of_app(const char *app_id, Datum variables);

/* Returns the place of a service user. */
Place of_service(const char *app_id, const char *service_id, const char *host_id);

/*
 * Locks the variables until the transaction ends, or refuses: 55P03 where another transaction is
 * about to take one, 23505 where a binding holds one.
 */
const Refusal *reserve(const Place &place);

/* Makes a binding that holds the (reserved) variables and returns its id. */
int64 create(const Place &place, const char *db_id, const char *access);

/* Gives the next version to the variables of a binding and returns it; 0 when it has lost one. */
int64 next_version(int64 binding_id);

/* Returns the id of the tenant's binding that holds the variable of its app, or raises 42704. */
int64 find(const char *db_id, const char *variable);

/* Frees the variables of a binding, and marks it as ended. */
void end(int64 binding_id);

} // namespace appinfra::binding
