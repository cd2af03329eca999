/* Keeps the meter's memory. See tenants.hpp. */
#include "usage/tenants.hpp"

#include "base/scope.hpp"
#include "base/settings.hpp"
#include "usage/database_counts.hpp"

namespace appinfra::usage
{

static HTAB *tenants;

static void make();
static void take_in(const Known &known);
static int64 limit_of(const Known &known);

void
reload()
{
    make();
    for_each_tenant([](Tenant *tenant) { tenant->listed = false; });
    in_transaction([](MemoryContext) {
        for (const Known &known : read_all())
            take_in(known);
    });
    for_each_tenant([](Tenant *tenant) {
        if (!tenant->listed)
            hash_search(tenants, tenant->db_id, HASH_REMOVE, nullptr);
    });
}

void
visit_tenants(void (*visit)(void *self, Tenant *tenant), void *self)
{
    HASH_SEQ_STATUS all;

    make();
    hash_seq_init(&all, tenants);
    while (auto *tenant = static_cast<Tenant *>(hash_seq_search(&all)))
        visit(self, tenant);
}

Tenant *
find_tenant(const char *db_id)
{
    char key[label::word_limit] = {};

    strlcpy(key, db_id, sizeof(key));
    return static_cast<Tenant *>(hash_search(tenants, key, HASH_FIND, nullptr));
}

size_t
count_tenants()
{
    return hash_get_num_entries(tenants);
}

void
read_counts(Tenant *tenant)
{
    tenant->seen.counts = database_counts(tenant->database);
    /* what was undone has taken place, too */
    if (tenant->seen.counts.transactions != tenant->changes)
        tenant->changed = true;
}

static void
make()
{
    HASHCTL control = {};

    if (tenants != nullptr)
        return;
    control.keysize = label::word_limit;
    control.entrysize = sizeof(Tenant);
    control.hcxt = TopMemoryContext;
    tenants =
        hash_create("appinfra usage", 1024, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

/* A tenant that is new here goes on from its row; its files are measured in any case. */
static void
take_in(const Known &known)
{
    char key[label::word_limit] = {};
    bool was_there;

    strlcpy(key, known.db_id, sizeof(key));
    auto *tenant = static_cast<Tenant *>(hash_search(tenants, key, HASH_ENTER, &was_there));
    if (!was_there) {
        memset(reinterpret_cast<char *>(tenant) + label::word_limit, 0,
               sizeof(Tenant) - label::word_limit);
        tenant->has_row = known.has_row;
        tenant->written = known.row;
        tenant->seen = known.row;
        tenant->seen.temporary = 0;
        tenant->changed = true;
    }
    tenant->database = known.database;
    tenant->listed = true;
    tenant->seen.disk_limit = limit_of(known);
}

/* Returns bytes; 0: none. */
static int64
limit_of(const Known &known)
{
    constexpr int64 megabyte = 1024 * 1024;

    return known.disk_limit >= 0 ? known.disk_limit : settings::tenant_disk_limit * megabyte;
}

} // namespace appinfra::usage
