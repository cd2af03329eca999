/* Writes rows of usage. See record.hpp. */
#include "usage/record.hpp"

#include <ctime>

#include "base/scope.hpp"

namespace appinfra::usage
{

static void read_transactions(std::span<const sessions::TenantProcess> processes);
static void read_locks(std::span<const sessions::TenantProcess> processes);
static Tenant *tenant_of(std::span<const sessions::TenantProcess> processes, int pid);
static void take_in_logins(int64 *progress);
static bool is_new_day();
static Counts since(const Counts &now, const Counts &before);
static double processor_time();

/* On a new day each tenant gets a row of it, so that the history has no holes. */
void
write_tenant(const Tenant &tenant, bool new_day)
{
    bool same = tenant.has_row && tenant.seen == tenant.written;

    if (same && !new_day)
        return;
    if (!same)
        write(tenant.db_id, tenant.seen);
    add_to_day(tenant.db_id, tenant.seen, tenant.most_connections,
               tenant.has_row ? since(tenant.seen.counts, tenant.written.counts) : Counts{});
}

void
settle(Tenant *tenant)
{
    tenant->written = tenant->seen;
    tenant->has_row = true;
    tenant->most_connections = tenant->seen.connections;
}

/* Nobody waits for the disk: what a crash loses is measured again. */
void
record_round(std::span<const sessions::TenantProcess> processes)
{
    static int64 progress = -1;
    static double time_before;
    int64 read = progress;
    double time = processor_time();
    bool new_day = is_new_day();

    for_each_tenant(read_counts);
    read_transactions(processes);
    read_locks(processes);
    in_transaction([&](MemoryContext) {
        set_config_option("synchronous_commit", "off", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL,
                          true, 0, false);
        if (read < 0)
            read = read_progress();
        take_in_logins(&read);
        for_each_tenant([&](Tenant *tenant) { write_tenant(*tenant, new_day); });
        if (new_day)
            remove_old();
        end_round(time - time_before, read);
    });
    for_each_tenant(settle);
    progress = read;
    time_before = time;
}

/* Takes from the backends' own status since when the oldest transaction of each tenant runs. */
static void
read_transactions(std::span<const sessions::TenantProcess> processes)
{
    for_each_tenant([](Tenant *tenant) { tenant->seen.oldest_transaction = 0; });
    if (processes.empty())
        return;
    for (int i = 1; i <= pgstat_fetch_stat_numbackends(); i++) {
        const PgBackendStatus *status = pg::backend_status(i);
        Tenant *tenant = status != nullptr ? tenant_of(processes, status->st_procpid) : nullptr;
        TimestampTz began = status != nullptr ? status->st_xact_start_timestamp : 0;

        if (tenant != nullptr && began != 0 &&
            (tenant->seen.oldest_transaction == 0 || began < tenant->seen.oldest_transaction))
            tenant->seen.oldest_transaction = began;
    }
}

/* Counts heavyweight locks, fast-path ones included. */
static void
read_locks(std::span<const sessions::TenantProcess> processes)
{
    for_each_tenant([](Tenant *tenant) { tenant->seen.locks = 0; });
    if (processes.empty())
        return;
    const LockData *locks = GetLockStatusData();
    for (const LockInstanceData &lock : std::span(locks->locks, locks->nelements))
        if (Tenant *tenant = tenant_of(processes, lock.leaderPid != 0 ? lock.leaderPid : lock.pid))
            tenant->seen.locks++;
}

/* The processes are in the order of their pids. */
static Tenant *
tenant_of(std::span<const sessions::TenantProcess> processes, int pid)
{
    size_t low = 0;
    size_t high = processes.size();

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (processes[middle].pid == pid)
            return find_tenant(processes[middle].db_id);
        if (processes[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return nullptr;
}

static void
take_in_logins(int64 *progress)
{
    for (const Login &login : read_logins(progress))
        if (Tenant *tenant = find_tenant(login.db_id))
            tenant->seen.last_login = Max(tenant->seen.last_login, login.time);
}

/* Tells, once a day of UTC and once in the life of this process, that another has begun. */
static bool
is_new_day()
{
    static int64 day = -1;
    int64 today = GetCurrentTimestamp() / USECS_PER_DAY;
    bool is_new = day != today;

    day = today;
    return is_new;
}

/* Counts that are lower than before have begun anew. */
static Counts
since(const Counts &now, const Counts &before)
{
    const auto grown = [](int64 count, int64 earlier) {
        return count >= earlier ? count - earlier : count;
    };

    return {.transactions = grown(now.transactions, before.transactions),
            .blocks_read = grown(now.blocks_read, before.blocks_read),
            .blocks_hit = grown(now.blocks_hit, before.blocks_hit),
            .temp_bytes = grown(now.temp_bytes, before.temp_bytes),
            .deadlocks = grown(now.deadlocks, before.deadlocks)};
}

/* Returns the seconds of a processor that this process has used. */
static double
processor_time()
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

} // namespace appinfra::usage
