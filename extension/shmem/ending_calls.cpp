/* Keeps ending calls in shared memory. See ending_calls.hpp. */
#include "shmem/ending_calls.hpp"

#include "shmem/segments.hpp"

namespace appinfra::ending_calls
{

/* What the process in a slot ends. All of it is of that process while pid is its own. */
struct Entry {
    slock_t mutex;
    int pid;
    LocalTransactionId transaction; /* invalid: whatever the process does */
    char key_id[24];
};

static Entry *entries;

static size_t size();
static void attach(void *memory, bool is_new);
static bool is_ending(Entry *entry, const volatile PGPROC *process, const char *key_id);
static void enter(int slot, const char *key_id, int pid, LocalTransactionId transaction);
static bool has(const volatile PGPROC *process, FullTransactionId xid);

void
define()
{
    segments::add({.name = "appinfra ending calls", .size = size, .attach = attach});
}

Oid
owner_of(FullTransactionId xid)
{
    Oid owner = InvalidOid;

    LWLockAcquire(ProcArrayLock, LW_SHARED);
    for (int i = 0; i < MaxBackends && !OidIsValid(owner); i++) {
        const volatile PGPROC *process = &ProcGlobal->allProcs[i];

        if (process->pid != 0 && has(process, xid))
            owner = process->roleId;
    }
    LWLockRelease(ProcArrayLock);
    return owner;
}

Oid
owner_of(int pid)
{
    Oid owner = InvalidOid;

    LWLockAcquire(ProcArrayLock, LW_SHARED);
    if (const PGPROC *process = BackendPidGetProcWithLock(pid))
        owner = process->roleId;
    LWLockRelease(ProcArrayLock);
    return owner;
}

bool
note(const char *key_id, FullTransactionId xid)
{
    bool found = false;

    /* while the lock is held no transaction ends: its id and its number belong together */
    LWLockAcquire(ProcArrayLock, LW_SHARED);
    for (int i = 0; i < MaxBackends && !found; i++) {
        const volatile PGPROC *process = &ProcGlobal->allProcs[i];

        found = process->pid != 0 && has(process, xid);
        if (found)
            enter(i, key_id, process->pid, pg::transaction_of(process));
    }
    LWLockRelease(ProcArrayLock);
    return found;
}

bool
note(const char *key_id, int pid)
{
    LWLockAcquire(ProcArrayLock, LW_SHARED);
    const PGPROC *process = BackendPidGetProcWithLock(pid);
    if (process != nullptr)
        enter(pg::number_of(process), key_id, pid, pg::transaction_of(process));
    LWLockRelease(ProcArrayLock);
    return process != nullptr;
}

int
count(const char *key_id, bool end)
{
    int found = 0;

    LWLockAcquire(ProcArrayLock, LW_SHARED);
    for (int i = 0; i < MaxBackends; i++) {
        const volatile PGPROC *process = &ProcGlobal->allProcs[i];
        int pid = process->pid;

        if (pid == 0 || entries[i].pid != pid || !is_ending(&entries[i], process, key_id) ||
            BackendPidGetProcWithLock(pid) != process)
            continue;
        found++;
        if (end)
            kill(pid, SIGTERM);
    }
    LWLockRelease(ProcArrayLock);
    return found;
}

void
end_if(int pid, FullTransactionId xid)
{
    LWLockAcquire(ProcArrayLock, LW_SHARED);
    const PGPROC *process = BackendPidGetProcWithLock(pid);
    if (process != nullptr && has(process, xid))
        kill(pid, SIGTERM);
    LWLockRelease(ProcArrayLock);
}

bool
is_running(int pid)
{
    return BackendPidGetProc(pid) != nullptr;
}

static size_t
size()
{
    return mul_size(MaxBackends, sizeof(Entry));
}

static void
attach(void *memory, bool is_new)
{
    entries = static_cast<Entry *>(memory);
    for (int i = 0; is_new && i < MaxBackends; i++) {
        memset(&entries[i], 0, sizeof(Entry));
        SpinLockInit(&entries[i].mutex);
    }
}

/* Tells whether the process is in the transaction that ends a call of the key. */
static bool
is_ending(Entry *entry, const volatile PGPROC *process, const char *key_id)
{
    SpinLockAcquire(&entry->mutex);
    bool same = entry->pid == process->pid && strcmp(entry->key_id, key_id) == 0;
    LocalTransactionId transaction = entry->transaction;
    SpinLockRelease(&entry->mutex);
    return same &&
           (!LocalTransactionIdIsValid(transaction) || pg::transaction_of(process) == transaction);
}

static void
enter(int slot, const char *key_id, int pid, LocalTransactionId transaction)
{
    Entry *entry = &entries[slot];

    SpinLockAcquire(&entry->mutex);
    entry->pid = pid;
    entry->transaction = transaction;
    strlcpy(entry->key_id, key_id, sizeof(entry->key_id));
    SpinLockRelease(&entry->mutex);
}

/* Ids of running transactions are close together: 32 bits tell them apart. */
static bool
has(const volatile PGPROC *process, FullTransactionId xid)
{
    return process->xid == XidFromFullTransactionId(xid);
}

} // namespace appinfra::ending_calls
