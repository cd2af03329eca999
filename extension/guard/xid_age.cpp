/* Finds who keeps old transaction ids. See xid_age.hpp. */
#include "guard/xid_age.hpp"

#include "base/settings.hpp"
#include "shmem/transaction_ids.hpp"

namespace appinfra::watchdog
{

/* A snapshot's oldest id as the watchdog saw it first. */
struct Pin {
    int pid;
    TransactionId oldest;
    TransactionId next_then;
};

static Pin *pins; /* by slot */

static TransactionId snapshot_of(int slot, TransactionId running);
static bool is_long_kept(const sessions::TenantProcess &process, TransactionId oldest,
                         TransactionId next);
static uint32 age(TransactionId id, TransactionId next);

void
end_horizon_pinners(std::span<Use> uses)
{
    auto limit = static_cast<uint32>(settings::tenant_xid_age_limit);

    if (limit == 0 || RecoveryInProgress())
        return;
    TransactionId running = oldest_running();
    TransactionId next = ReadNextTransactionId();
    for (Use &use : uses) {
        int slot = use.process->slot;
        TransactionId snapshot = snapshot_of(slot, running);
        bool long_kept = is_long_kept(*use.process, snapshot, next);
        uint32 own = age(ProcGlobal->allProcs[slot].xid, next);
        uint32 table = age(transaction_ids::temporary(slot, use.process->pid), next);

        if (use.ended)
            continue;
        if (own > limit)
            end(&use, "xid_age", psprintf("in a transaction for %u ids", own));
        else if (age(snapshot, next) > limit && long_kept)
            end(&use, "xid_age", psprintf("with a snapshot of %u ids ago", age(snapshot, next)));
        else if (table > limit)
            end(&use, "xid_age", psprintf("with a temporary table of %u ids ago", table));
    }
}

uint32
kept_age(const sessions::TenantProcess &process, TransactionId running)
{
    TransactionId next = ReadNextTransactionId();

    return Max(Max(age(ProcGlobal->allProcs[process.slot].xid, next),
                   age(snapshot_of(process.slot, running), next)),
               age(transaction_ids::temporary(process.slot, process.pid), next));
}

TransactionId
oldest_running()
{
    return GetOldestActiveTransactionId();
}

/*
 * Returns the oldest id that the process keeps by its snapshots. A new snapshot begins with the
 * oldest transaction that runs, however old that is: then it is that transaction that keeps the id,
 * and a snapshot keeps nothing. Nor does that of a VACUUM.
 */
static TransactionId
snapshot_of(int slot, TransactionId running)
{
    const volatile PGPROC *process = &ProcGlobal->allProcs[slot];
    TransactionId oldest = process->xmin;

    if ((process->statusFlags & PROC_IN_VACUUM) != 0 || !TransactionIdIsNormal(oldest) ||
        !TransactionIdPrecedes(oldest, running))
        return InvalidTransactionId;
    return oldest;
}

/*
 * Tells whether the snapshot was kept while half of the limit's ids were taken. One that was made
 * while somebody else was in a very old transaction must not be held to account for that.
 */
static bool
is_long_kept(const sessions::TenantProcess &process, TransactionId oldest, TransactionId next)
{
    if (pins == nullptr)
        pins =
            static_cast<Pin *>(MemoryContextAllocZero(TopMemoryContext, MaxBackends * sizeof(Pin)));
    Pin *pin = &pins[process.slot];
    if (pin->pid != process.pid || pin->oldest != oldest)
        *pin = {.pid = process.pid, .oldest = oldest, .next_then = next};
    return age(pin->next_then, next) > static_cast<uint32>(settings::tenant_xid_age_limit) / 2;
}

/* Returns how many ids were given out since; 0 for none. */
static uint32
age(TransactionId id, TransactionId next)
{
    return TransactionIdIsNormal(id) && TransactionIdPrecedes(id, next) ? next - id : 0;
}

} // namespace appinfra::watchdog
