/*
 * The meter's memory: each tenant, what was seen of it, and what is written of it.
 */
#pragma once

#include "registry/usage.hpp"
#include "shmem/sessions.hpp"

namespace appinfra::usage
{

struct Tenant {
    char db_id[label::word_limit]; /* key */
    Oid database;
    bool listed;  /* the registry has it */
    bool has_row; /* so has tenant_usage */
    bool changed; /* something may have happened in it since its files were measured */
    bool was_connected;
    bool busy;              /* a transaction goes on in it, or did at the last look */
    int64 changes;          /* the transactions that were counted when they were measured */
    TimestampTz size_at;    /* when that was; 0: not by this process */
    int32 most_connections; /* at once, since its row was written */
    Row seen;
    Row written;
};

/* Reads the registry, outside a transaction: new tenants, those that are gone, limits. */
void reload();

/* Calls visit() with each tenant. */
void visit_tenants(void (*visit)(void *self, Tenant *tenant), void *self);

template <typename Visit>
void
for_each_tenant(Visit visit)
{
    visit_tenants([](void *self, Tenant *tenant) { (*static_cast<Visit *>(self))(tenant); },
                  &visit);
}

/* Returns the tenant; null: there is none such. */
Tenant *find_tenant(const char *db_id);

size_t count_tenants();

/* Reads what the server has counted of the tenant's database. */
void read_counts(Tenant *tenant);

/* Returns the bytes that count against the limit. */
inline int64
disk_use(const Tenant &tenant)
{
    return Max(tenant.seen.size, 0) + tenant.seen.temporary;
}

} // namespace appinfra::usage
