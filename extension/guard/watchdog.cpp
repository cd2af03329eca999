/* Finds and ends who takes too much. See watchdog.hpp. */
#include "guard/watchdog.hpp"

#include "audit/events.hpp"
#include "base/settings.hpp"
#include "guard/snapshot_export.hpp"
#include "guard/watched.hpp"
#include "guard/xid_age.hpp"
#include "guard/xid_rate.hpp"

namespace appinfra::watchdog
{

using sessions::TenantProcess;

constexpr double queue_share = 0.1;  /* of the NOTIFY queue that a tenant may pin */
constexpr double table_share = 0.75; /* of the lock table that all tenants may fill */
constexpr long grace_ms = 1000;      /* for the session's own timeout to act first */
constexpr long states_ms = 1000;     /* between two looks at what sessions are doing */
constexpr long alarm_ms = 60 * 1000; /* how long a lock hoarder is expected back */

static int64 count_locks(std::span<Use> uses);
static bool end_lock_hoarders(std::span<Use> uses);
static int64 table_limit();
static void look_at_states(std::span<Use> uses);
static void end_idle(std::span<Use> uses);
static void end_queue_pinner(std::span<Use> uses);
static Use *use_of(std::span<Use> uses, int pid);
static int compare_tenants(const void *left, const void *right);

bool
look()
{
    static TimestampTz alarm_until;
    static TimestampTz states_at;
    TimestampTz now = GetCurrentTimestamp();

    if (settings::guard == settings::guard_off)
        return false;
    std::span<TenantProcess> processes = sessions::tenant_processes();
    auto *uses = static_cast<Use *>(palloc0((processes.size() + 1) * sizeof(Use)));
    size_t count = 0;
    for (const TenantProcess &process : processes)
        uses[count++].process = &process;
    std::span<Use> all(uses, count);
    if (end_burners(all))
        alarm_until = TimestampTzPlusMilliseconds(now, alarm_ms);
    if (processes.empty())
        return now < alarm_until;
    if (settings::tenant_lock_limit > 0 &&
        count_locks(all) > Min(settings::tenant_lock_limit, table_limit()) &&
        end_lock_hoarders(all))
        alarm_until = TimestampTzPlusMilliseconds(now, alarm_ms);
    end_exporters(all);
    end_horizon_pinners(all);
    if (TimestampDifferenceExceeds(states_at, now, states_ms) || now < states_at) {
        states_at = now;
        look_at_states(all);
        end_idle(all);
        end_queue_pinner(all);
    }
    return now < alarm_until;
}

/* Counts heavyweight locks, fast-path ones included, and predicate locks; returns those of all. */
static int64
count_locks(std::span<Use> uses)
{
    const LockData *locks = GetLockStatusData();
    const PredicateLockData *predicates = GetPredicateLockStatusData();

    for (const LockInstanceData &lock : std::span(locks->locks, locks->nelements))
        if (Use *use = use_of(uses, lock.leaderPid != 0 ? lock.leaderPid : lock.pid))
            use->locks++;
    for (const SERIALIZABLEXACT &transaction : std::span(predicates->xacts, predicates->nelements))
        if (Use *use = use_of(uses, transaction.pid))
            use->locks++;
    int64 of_all = 0;
    for (const Use &use : uses)
        of_all += use.locks;
    return of_all;
}

/* Ends sessions of any tenant above its limit, then of all while they are; true: there were some.
 */
static bool
end_lock_hoarders(std::span<Use> uses)
{
    auto **all = static_cast<Use **>(palloc(uses.size() * sizeof(Use *)));
    size_t count = 0;

    for (Use &use : uses)
        all[count++] = &use;
    int64 ended =
        end_most_of_tenants(uses, settings::tenant_lock_limit, &Use::locks, "lock_limit", "locks");
    ended += end_most({all, count}, table_limit(), &Use::locks, "lock_table", "locks");
    return ended > 0;
}

int64
end_most_of_tenants(std::span<Use> uses, int64 limit, Count count, const char *rule,
                    const char *unit)
{
    auto **sorted = static_cast<Use **>(palloc((uses.size() + 1) * sizeof(Use *)));
    size_t total = 0;
    int64 ended = 0;

    for (Use &use : uses)
        sorted[total++] = &use;
    qsort(sorted, total, sizeof(Use *), compare_tenants);
    for (size_t first = 0, next = 0; first < total; first = next) {
        while (next < total && compare_tenants(&sorted[first], &sorted[next]) == 0)
            next++;
        ended += end_most({&sorted[first], next - first}, limit, count, rule, unit);
    }
    return ended;
}

int64
end_most(std::span<Use *> uses, int64 limit, Count count, const char *rule, const char *unit)
{
    int64 total = 0;
    int64 ended = 0;

    for (const Use *use : uses)
        if (!use->ended)
            total += use->*count;
    while (total - ended > limit) {
        Use *most = nullptr;

        for (Use *use : uses)
            if (!use->ended && (most == nullptr || use->*count > most->*count))
                most = use;
        if (most == nullptr)
            break;
        ended += most->*count;
        end(most, rule, psprintf(INT64_FORMAT " %s", most->*count, unit));
    }
    return ended;
}

/* Returns how many locks all tenants may hold together: the rest of the table is the host's. */
static int64
table_limit()
{
    return static_cast<int64>(max_locks_per_xact * table_share) *
           (MaxBackends + max_prepared_xacts);
}

/* Takes from the backends' own status what their sessions are doing. */
static void
look_at_states(std::span<Use> uses)
{
    pgstat_clear_backend_activity_snapshot();
    for (int i = 1; i <= pgstat_fetch_stat_numbackends(); i++) {
        const PgBackendStatus *status = pg::backend_status(i);
        Use *use = status != nullptr ? use_of(uses, status->st_procpid) : nullptr;

        if (use == nullptr)
            continue;
        use->idle_in_transaction = status->st_state == STATE_IDLEINTRANSACTION ||
                                   status->st_state == STATE_IDLEINTRANSACTION_ABORTED;
        use->state_since = status->st_state_start_timestamp;
        use->transaction_since = status->st_xact_start_timestamp;
        use->stuck_in_send =
            ProcGlobal->allProcs[use->process->slot].wait_event_info == WAIT_EVENT_CLIENT_WRITE;
    }
}

/* The session's own timeout is the tenant's to change; this one is not. */
static void
end_idle(std::span<Use> uses)
{
    int limit = settings::tenant_idle_in_transaction_timeout;
    TimestampTz now = GetCurrentTimestamp();

    if (limit == 0)
        return;
    for (Use &use : uses)
        if (use.idle_in_transaction && !use.ended &&
            TimestampDifferenceExceeds(use.state_since, now, limit + grace_ms))
            end(&use, "idle_in_transaction",
                psprintf("idle for %ld s",
                         TimestampDifferenceMilliseconds(use.state_since, now) / 1000));
}

/*
 * Ends the listener that keeps the host's one NOTIFY queue from being emptied: a listener reads it
 * between transactions, so it is the one in the oldest, or one whose client does not take what it
 * is sent. One at a time, for the next look tells whether that was it.
 */
static void
end_queue_pinner(std::span<Use> uses)
{
    Use *oldest = nullptr;
    Use *stuck = nullptr;
    bool listens = false;

    for (Use &use : uses) {
        if (!use.process->listens || use.ended)
            continue;
        listens = true;
        if (use.transaction_since != 0 &&
            (oldest == nullptr || use.transaction_since < oldest->transaction_since))
            oldest = &use;
        if (use.stuck_in_send)
            stuck = &use;
    }
    if (!listens)
        return;
    double used =
        DatumGetFloat8(DirectFunctionCall1(pg_notification_queue_usage, static_cast<Datum>(0)));
    Use *pinner = oldest != nullptr ? oldest : stuck;
    if (used > queue_share && pinner != nullptr)
        end(pinner, "notify_queue", psprintf("queue %.0f %% full", used * 100));
}

static Use *
use_of(std::span<Use> uses, int pid)
{
    size_t low = 0;
    size_t high = uses.size();

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (uses[middle].process->pid == pid)
            return &uses[middle];
        if (uses[middle].process->pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return nullptr;
}

static int
compare_tenants(const void *left, const void *right)
{
    return strcmp((*static_cast<Use *const *>(left))->process->db_id,
                  (*static_cast<Use *const *>(right))->process->db_id);
}

void
end(Use *use, const char *rule, const char *object)
{
    bool enforced = settings::guard == settings::guard_enforce;

    use->ended = true;
    if (sessions::mark(*use->process))
        events::report({.action = "end_session",
                        .outcome = events::Outcome::done,
                        .rule = rule,
                        .db_id = use->process->db_id,
                        .credential = use->process->username,
                        .object = object,
                        .observed = !enforced});
    if (enforced)
        sessions::end(*use->process);
}

} // namespace appinfra::watchdog
