/* Measures what is due. See measure.hpp. */
#include "usage/measure.hpp"

#include "base/settings.hpp"
#include "shmem/disk_limits.hpp"
#include "usage/files.hpp"

namespace appinfra::usage
{

constexpr long budget_us = 5 * 1000;       /* of a turn, for what is not urgent */
constexpr int64 sweep_ms = 60 * 60 * 1000; /* until a quiet database is measured again */
constexpr int64 shortest_ms = 900;         /* between two looks at a busy one: each turn */
constexpr int64 longest_ms = 10 * 1000;

static void read_temporary_files();
static void add_temporary(void *self, int pid, int64 bytes);
static bool is_urgent(const Tenant &tenant, TimestampTz now);
static bool is_due(const Tenant &tenant, TimestampTz now);
static bool is_older(const Tenant &tenant, TimestampTz now, int64 milliseconds);
static void measure_files(Tenant *tenant);
static int compare_age(const void *left, const void *right);

/*
 * What a transaction has done is all there only after its end, so that a database is measured once
 * more then. A tenant that had a session a moment ago may have changed something by it.
 */
void
take_in_sessions(std::span<const sessions::TenantProcess> processes)
{
    for_each_tenant([](Tenant *tenant) {
        tenant->was_connected = tenant->seen.connections > 0;
        tenant->seen.connections = 0;
        tenant->changed |= tenant->busy;
        tenant->busy = false;
    });
    for (const sessions::TenantProcess &process : processes) {
        Tenant *tenant = find_tenant(process.db_id);

        if (tenant == nullptr)
            continue;
        tenant->seen.connections++;
        if (LocalTransactionIdIsValid(pg::transaction_of(&ProcGlobal->allProcs[process.slot])))
            tenant->busy = true;
        if (disk_limits::changed_at(process.slot) >= tenant->size_at)
            tenant->changed = true;
    }
    for_each_tenant([](Tenant *tenant) {
        tenant->changed |= tenant->busy;
        tenant->most_connections = Max(tenant->most_connections, tenant->seen.connections);
        if (tenant->seen.connections > 0 || tenant->was_connected)
            read_counts(tenant);
    });
}

void
measure()
{
    TimestampTz now = GetCurrentTimestamp();
    auto **due = static_cast<Tenant **>(palloc((count_tenants() + 1) * sizeof(Tenant *)));
    size_t count = 0;

    read_temporary_files();
    for_each_tenant([&](Tenant *tenant) {
        if (is_urgent(*tenant, now))
            measure_files(tenant);
        else if (is_due(*tenant, now))
            due[count++] = tenant;
    });
    qsort(due, count, sizeof(Tenant *), compare_age);
    for (Tenant *tenant : std::span(due, count)) {
        if (GetCurrentTimestamp() - now > budget_us)
            break;
        measure_files(tenant);
    }
}

/* Adds temporary files to those in whose databases their processes are. */
static void
read_temporary_files()
{
    for_each_tenant([](Tenant *tenant) { tenant->seen.temporary = 0; });
    visit_temporary_files(add_temporary, nullptr);
}

static void
add_temporary(void *, int pid, int64 bytes)
{
    const PGPROC *process = BackendPidGetProc(pid);
    Oid database = process != nullptr ? process->databaseId : InvalidOid;

    if (OidIsValid(database))
        for_each_tenant([&](Tenant *tenant) {
            if (tenant->database == database)
                tenant->seen.temporary += bytes;
        });
}

/* Tells whether the tenant may have reached its limit since its files were measured. */
static bool
is_urgent(const Tenant &tenant, TimestampTz now)
{
    if (tenant.seen.disk_limit == 0 || !tenant.changed)
        return false;
    int64 room = tenant.seen.disk_limit - disk_use(tenant);
    int64 pause = room <= 0 ? shortest_ms : room / (fast_growth / 1000);

    return tenant.size_at == 0 || tenant.seen.size < 0 ||
           is_older(tenant, now, Min(Max(pause, shortest_ms), longest_ms));
}

static bool
is_due(const Tenant &tenant, TimestampTz now)
{
    return tenant.size_at == 0 || is_older(tenant, now, sweep_ms) ||
           (tenant.changed && is_older(tenant, now, settings::usage_interval * 1000LL));
}

/* One that was measured in the future was so before somebody set the clock back. */
static bool
is_older(const Tenant &tenant, TimestampTz now, int64 milliseconds)
{
    return now - tenant.size_at >= milliseconds * 1000 || tenant.size_at > now;
}

static void
measure_files(Tenant *tenant)
{
    read_counts(tenant);
    tenant->changes = tenant->seen.counts.transactions;
    tenant->size_at = GetCurrentTimestamp();
    tenant->changed = false;
    tenant->seen.size = size_of_files(tenant->database);
}

static int
compare_age(const void *left, const void *right)
{
    TimestampTz one = (*static_cast<Tenant *const *>(left))->size_at;
    TimestampTz other = (*static_cast<Tenant *const *>(right))->size_at;

    return one < other ? -1 : one > other ? 1 : 0;
}

} // namespace appinfra::usage
