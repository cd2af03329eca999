/*
 * The registry's tenants, as the functions that change one find them.
 */
#pragma once

#include "registry/credential.hpp"

namespace appinfra::registry
{

struct Tenant {
    const char *db_id;
    const char *app_id;
    const char *slug;
    const char *database;
    const char *wanted_name;
    const char *status;
    int hardening;
};

/*
 * Locks the tenant's row and returns it, or raises 42704. Whoever changes a tenant's credentials or
 * bindings holds it.
 */
Tenant lock_tenant(const char *db_id);

/* The same, and raises 55000 unless its status is `ready`. */
Tenant lock_ready_tenant(const char *db_id);

/* A binding that has not ended, or had not when its tenant was deprovisioned. */
struct Binding {
    int64 id;
    const char *access;
    Datum variables;
    const char *service_id;
    const char *host_id;
};

/* Returns the tenant's bindings; those that ended with it too, when asked. */
std::span<const Binding> bindings_of(const char *db_id, bool ended);

/* Returns what a credential of the binding is for. */
credential::Purpose purpose_of(const Tenant &tenant, const Binding &binding);

} // namespace appinfra::registry
