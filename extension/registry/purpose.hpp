/*
 * Purposes: what a credential is for.
 */
#pragma once

#include "registry/binding.hpp"
#include "registry/tenant.hpp"

namespace appinfra::credential
{

/* What a credential is made for. */
struct Purpose {
    const char *db_id;
    const char *database;
    const char *access;
    int64 binding_id;       /* 0: none */
    const char *service_id; /* null pointers: a login named after the database */
    const char *host_id;
    bool pooled;                   /* its DSN goes through the pooler */
    const char *gateway = nullptr; /* whose login it is to be; null pointer: no gateway's */
};

/* Returns what a credential of the tenant's binding is for. */
inline Purpose
purpose_of(const tenant::Tenant &tenant, const binding::Binding &binding)
{
    return {.db_id = tenant.db_id,
            .database = tenant.database,
            .access = binding.access,
            .binding_id = binding.id,
            .service_id = binding.service_id,
            .host_id = binding.host_id,
            .pooled = binding.pooled};
}

} // namespace appinfra::credential
