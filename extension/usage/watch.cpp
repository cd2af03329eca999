/* Watches disk limits. See watch.hpp. */
#include "usage/watch.hpp"

#include "audit/audit.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "shmem/disk_limits.hpp"
#include "usage/record.hpp"

namespace appinfra::usage
{

constexpr double near_share = 0.8;
constexpr double ok_share = 0.75; /* it is not told again and again who swings about the mark */

static DiskState judge(const Tenant &tenant);
static void tell(Tenant *tenant, DiskState state);
static void record(const Tenant &tenant, DiskState before);
static bool is_over(const char *db_id);
static void stop_growing(const sessions::TenantProcess &process);
static const PgBackendStatus *status_of(int pid);

void
watch_limits(std::span<const sessions::TenantProcess> processes)
{
    auto **over = static_cast<const char **>(palloc((count_tenants() + 1) * sizeof(char *)));
    auto **changed = static_cast<Tenant **>(palloc((count_tenants() + 1) * sizeof(Tenant *)));
    size_t count = 0;
    size_t changes = 0;

    for_each_tenant([&](Tenant *tenant) {
        DiskState state = judge(*tenant);

        if (state != tenant->seen.disk_state)
            changed[changes++] = tenant;
        if (state == DiskState::over)
            over[count++] = tenant->db_id;
    });
    for (Tenant *tenant : std::span(changed, changes))
        tell(tenant, judge(*tenant));
    disk_limits::list({over, count});
    for (const sessions::TenantProcess &process : processes) {
        bool stands_over = count > 0 && is_over(process.db_id);

        disk_limits::set(process.slot, process.pid, stands_over);
        if (stands_over && settings::guard == settings::guard_enforce)
            stop_growing(process);
    }
}

static DiskState
judge(const Tenant &tenant)
{
    auto limit = static_cast<double>(tenant.seen.disk_limit);
    auto used = static_cast<double>(disk_use(tenant));
    bool was_near = tenant.seen.disk_state != DiskState::ok;

    if (tenant.seen.disk_limit == 0)
        return DiskState::ok;
    if (tenant.seen.size < 0)
        return tenant.seen.disk_state;
    if (used >= limit)
        return DiskState::over;
    return used >= limit * (was_near ? ok_share : near_share) ? DiskState::near : DiskState::ok;
}

/* Writes the new state, with its row in the audit. A failure is told to the log, and tried again.
 */
static void
tell(Tenant *tenant, DiskState state)
{
    DiskState before = tenant->seen.disk_state;

    tenant->seen.disk_state = state;
    const Failure *failure = attempt(CurrentMemoryContext, [&] {
        in_transaction([&](MemoryContext) {
            write_tenant(*tenant, false);
            record(*tenant, before);
        });
    });
    if (failure == nullptr)
        settle(tenant);
    else
        tenant->seen.disk_state = before;
}

static void
record(const Tenant &tenant, DiskState before)
{
    const Jsonb *detail =
        audit::detail({{"used", psprintf(INT64_FORMAT, disk_use(tenant))},
                       {"disk_limit", psprintf(INT64_FORMAT, tenant.seen.disk_limit)}});

    if (tenant.seen.disk_state == DiskState::over)
        audit::record("reach_disk_limit", tenant.db_id, nullptr, detail);
    else if (before == DiskState::over)
        audit::record("leave_disk_limit", tenant.db_id, nullptr, detail);
    else if (tenant.seen.disk_state == DiskState::near)
        audit::record("near_disk_limit", tenant.db_id, nullptr, detail);
}

static bool
is_over(const char *db_id)
{
    const Tenant *tenant = find_tenant(db_id);

    return tenant != nullptr && tenant->seen.disk_state == DiskState::over;
}

/* Cancels what the client of the process is running, if that is what has grown. */
static void
stop_growing(const sessions::TenantProcess &process)
{
    TimestampTz growing = disk_limits::growing_at(process.slot);
    const PgBackendStatus *status = growing != 0 ? status_of(process.pid) : nullptr;

    if (status != nullptr && status->st_activity_start_timestamp == growing &&
        (status->st_state == STATE_RUNNING || status->st_state == STATE_FASTPATH))
        disk_limits::stop(process.slot, process.pid, growing);
}

static const PgBackendStatus *
status_of(int pid)
{
    for (int i = 1; i <= pgstat_fetch_stat_numbackends(); i++) {
        const PgBackendStatus *status = pg::backend_status(i);

        if (status != nullptr && status->st_procpid == pid)
            return status;
    }
    return nullptr;
}

} // namespace appinfra::usage
