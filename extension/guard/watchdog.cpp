/* Finds and ends who takes too much. See watchdog.hpp. */
#include "guard/watchdog.hpp"

#include "audit/events.hpp"
#include "base/settings.hpp"
#include "shmem/sessions.hpp"

namespace appinfra::watchdog
{

using sessions::TenantProcess;

/* What a process of a tenant takes just now. */
struct Use {
    const TenantProcess *process;
    int64 locks;
    bool ended;
    bool idle_in_transaction;
    bool stuck_in_send;
    TimestampTz state_since;
    TimestampTz transaction_since; /* 0: in none */
};

constexpr double queue_share = 0.1;  /* of the NOTIFY queue that a tenant may pin */
constexpr double table_share = 0.75; /* of the lock table that all tenants may fill */
constexpr long grace_ms = 1000;      /* for the session's own timeout to act first */
constexpr long states_ms = 1000;     /* between two looks at what sessions are doing */
constexpr long alarm_ms = 60 * 1000; /* how long a lock hoarder is expected back */

static int64 count_locks(std::span<Use> uses);
static bool end_lock_hoarders(std::span<Use> uses);
static bool end_most(std::span<Use *> uses, int64 limit, const char *rule);
static int64 table_limit();
static void look_at_states(std::span<Use> uses);
static void end_idle(std::span<Use> uses);
static void end_queue_pinner(std::span<Use> uses);
static Use *use_of(std::span<Use> uses, int pid);
static int compare_tenants(const void *left, const void *right);
static void end(Use *use, const char *rule, const char *object);

bool
look()
{
    static TimestampTz alarm_until;
    static TimestampTz states_at;
    TimestampTz now = GetCurrentTimestamp();

    if (settings::guard == settings::guard_off)
        return false;
    std::span<TenantProcess> processes = sessions::tenant_processes();
    if (processes.empty())
        return now < alarm_until;
    auto *uses = static_cast<Use *>(palloc0(processes.size() * sizeof(Use)));
    size_t count = 0;
    for (const TenantProcess &process : processes)
        uses[count++].process = &process;
    std::span<Use> all(uses, count);
    if (settings::tenant_lock_limit > 0 &&
        count_locks(all) > Min(settings::tenant_lock_limit, table_limit()) &&
        end_lock_hoarders(all))
        alarm_until = TimestampTzPlusMilliseconds(now, alarm_ms);
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
    auto *sorted = static_cast<Use **>(palloc(uses.size() * sizeof(Use *)));
    size_t count = 0;
    bool ended = false;

    for (Use &use : uses)
        sorted[count++] = &use;
    qsort(sorted, count, sizeof(Use *), compare_tenants);
    for (size_t first = 0, next = 0; first < count; first = next) {
        while (next < count && compare_tenants(&sorted[first], &sorted[next]) == 0)
            next++;
        ended |=
            end_most({&sorted[first], next - first}, settings::tenant_lock_limit, "lock_limit");
    }
    ended |= end_most({sorted, count}, table_limit(), "lock_table");
    return ended;
}

/* Ends the sessions with most locks until these have no more than the limit together. */
static bool
end_most(std::span<Use *> uses, int64 limit, const char *rule)
{
    int64 total = 0;
    bool ended = false;

    for (const Use *use : uses)
        if (!use->ended)
            total += use->locks;
    while (total > limit) {
        Use *most = nullptr;

        for (Use *use : uses)
            if (!use->ended && (most == nullptr || use->locks > most->locks))
                most = use;
        if (most == nullptr)
            break;
        total -= most->locks;
        end(most, rule, psprintf(INT64_FORMAT " locks", most->locks));
        ended = true;
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

/* Ends the session, or only says so in observe mode. Each is reported once. */
static void
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
