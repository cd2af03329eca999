/* Finds and ends sessions. See sessions.hpp. */
#include "shmem/sessions.hpp"

#include "shmem/segments.hpp"
#include "shmem/wakeup.hpp"

#include <csignal>

namespace appinfra::sessions
{

/*
 * An entry that a process leaves when it has passed the password check. It is valid while the pid
 * is that of its PGPROC.
 */
struct Entering {
    int pid;
    Oid login;
    bool listens;
    int marked_pid; /* the process here that the watchdog has seen to */
    char db_id[label::word_limit];
    char username[NAMEDATALEN];
};

struct State {
    pg_atomic_uint32 watched[watched_limit]; /* roles; 0: none */
    pg_atomic_uint32 watched_count;
    pg_atomic_uint32 reported[watched_limit]; /* a ring of roles; 0: empty */
    pg_atomic_uint32 reported_head;
    Entering entering[FLEXIBLE_ARRAY_MEMBER]; /* by the number of the PGPROC */
};

static State *state;
static List *ending; /* what end_at_commit() was told in this transaction */

static size_t size();
static void attach(void *memory, bool is_new);
static void on_transaction_end(XactEvent event, void *argument);
static void report(Oid login);
static int find(Oid login, int *pids);
static int compare_pids(const void *left, const void *right);

void
define()
{
    segments::add({.name = "appinfra sessions", .size = size, .attach = attach});
}

void
entering(Oid login, const char *username, const char *db_id)
{
    volatile Entering *mine = &state->entering[pg::number_of(MyProc)];

    mine->pid = 0;
    pg_write_barrier();
    mine->login = login;
    mine->listens = false;
    mine->marked_pid = 0;
    strlcpy(const_cast<char *>(mine->username), username, sizeof(mine->username));
    strlcpy(const_cast<char *>(mine->db_id), db_id, sizeof(mine->db_id));
    pg_write_barrier();
    mine->pid = MyProcPid;
    /* full barrier: a process that scans before this point has committed what we read after it */
    pg_memory_barrier();
    report(login);
}

void
listens()
{
    volatile Entering *mine = &state->entering[pg::number_of(MyProc)];

    if (mine->pid == MyProcPid)
        mine->listens = true;
}

int
end_all(Oid login)
{
    auto *pids = static_cast<int *>(palloc(MaxBackends * sizeof(int)));
    int found = find(login, pids);

    for (int pid : std::span(pids, found))
        kill(pid, SIGTERM);
    pfree(pids);
    return found;
}

void
end_in(Oid login, Oid database)
{
    LWLockAcquire(ProcArrayLock, LW_SHARED);
    for (int i = 0; i < MaxBackends; i++) {
        const volatile PGPROC *process = &ProcGlobal->allProcs[i];
        int pid = process->pid;

        if (pid != 0 && process->roleId == login && process->databaseId == database &&
            BackendPidGetProcWithLock(pid) == process)
            kill(pid, SIGTERM);
    }
    LWLockRelease(ProcArrayLock);
}

int
count(Oid login)
{
    auto *pids = static_cast<int *>(palloc(MaxBackends * sizeof(int)));
    int found = find(login, pids);

    pfree(pids);
    return found;
}

std::span<TenantProcess>
tenant_processes()
{
    auto *found = static_cast<TenantProcess *>(palloc(MaxBackends * sizeof(TenantProcess)));
    size_t count = 0;

    LWLockAcquire(ProcArrayLock, LW_SHARED);
    for (int i = 0; i < MaxBackends; i++) {
        const volatile PGPROC *process = &ProcGlobal->allProcs[i];
        const Entering *entry = &state->entering[i];
        int pid = process->pid;

        if (pid == 0 || entry->pid != pid || BackendPidGetProcWithLock(pid) != process ||
            (process->roleId != InvalidOid && process->roleId != entry->login))
            continue; /* the last: the pid is another's by now */
        TenantProcess *next = &found[count++];
        *next = {.pid = pid,
                 .slot = i,
                 .login = entry->login,
                 .listens = entry->listens,
                 .marked = entry->marked_pid == pid,
                 .db_id = {},
                 .username = {}};
        strlcpy(next->db_id, entry->db_id, sizeof(next->db_id));
        strlcpy(next->username, entry->username, sizeof(next->username));
    }
    LWLockRelease(ProcArrayLock);
    qsort(found, count, sizeof(TenantProcess), compare_pids);
    return {found, count};
}

/* The mark names the process: it says nothing of another that has the slot by now. */
bool
mark(const TenantProcess &process)
{
    volatile Entering *entry = &state->entering[process.slot];

    if (entry->pid != process.pid || entry->marked_pid == process.pid)
        return false;
    entry->marked_pid = process.pid;
    return true;
}

void
end(const TenantProcess &process)
{
    LWLockAcquire(ProcArrayLock, LW_SHARED);
    if (BackendPidGetProcWithLock(process.pid) == &ProcGlobal->allProcs[process.slot])
        kill(process.pid, SIGTERM);
    LWLockRelease(ProcArrayLock);
}

void
end_at_commit(const TenantProcess &process)
{
    static bool registered;
    auto *copy = static_cast<TenantProcess *>(
        MemoryContextAlloc(TopTransactionContext, sizeof(TenantProcess)));

    if (!registered)
        RegisterXactCallback(on_transaction_end, nullptr);
    registered = true;
    *copy = process;
    MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
    ending = lappend(ending, copy);
    MemoryContextSwitchTo(caller);
}

/* What is listed lives as long as the transaction. */
static void
on_transaction_end(XactEvent event, void *)
{
    ListCell *cell;

    if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
        return;
    if (event == XACT_EVENT_COMMIT)
        foreach (cell, ending)
            end(*static_cast<const TenantProcess *>(lfirst(cell)));
    ending = NIL;
}

void
watch(std::span<const Oid> logins)
{
    int index = 0;

    for (Oid login : logins)
        pg_atomic_write_u32(&state->watched[index++], login);
    pg_atomic_write_u32(&state->watched_count, index);
}

Oid
take_login()
{
    for (pg_atomic_uint32 &role : state->reported)
        if (pg_atomic_read_u32(&role) != 0)
            return pg_atomic_exchange_u32(&role, 0);
    return InvalidOid;
}

void
put_back(Oid login)
{
    uint32 place = pg_atomic_fetch_add_u32(&state->reported_head, 1) % watched_limit;

    pg_atomic_write_u32(&state->reported[place], login);
}

static size_t
size()
{
    return add_size(offsetof(State, entering), mul_size(MaxBackends, sizeof(Entering)));
}

/* Attaches to the memory; the first process also fills it in. */
static void
attach(void *memory, bool is_new)
{
    state = static_cast<State *>(memory);
    if (!is_new)
        return;
    for (pg_atomic_uint32 &role : state->watched)
        pg_atomic_init_u32(&role, 0);
    for (pg_atomic_uint32 &role : state->reported)
        pg_atomic_init_u32(&role, 0);
    pg_atomic_init_u32(&state->watched_count, 0);
    pg_atomic_init_u32(&state->reported_head, 0);
}

/* Reports the login once, if it is watched. When a full ring loses it, the next login reports it.
 */
static void
report(Oid login)
{
    uint32 watched = pg_atomic_read_u32(&state->watched_count);

    for (uint32 i = 0; i < watched; i++) {
        uint32 expected = login;

        if (pg_atomic_read_u32(&state->watched[i]) == login &&
            pg_atomic_compare_exchange_u32(&state->watched[i], &expected, 0)) {
            put_back(login);
            wakeup::add_work(wakeup::Work::credentials);
            return;
        }
    }
}

/*
 * Collects the processes of a login, parallel workers and those about to enter included. The slot
 * of a process that has ended keeps its pid and role until it is used again, and by then another
 * process may have that pid. A living process is in the array of processes as well.
 */
static int
find(Oid login, int *pids)
{
    int found = 0;

    pg_memory_barrier();
    LWLockAcquire(ProcArrayLock, LW_SHARED);
    for (int i = 0; i < MaxBackends; i++) {
        const volatile PGPROC *process = &ProcGlobal->allProcs[i];
        const volatile Entering *entry = &state->entering[i];
        int pid = process->pid;

        if (pid != 0 && pid != MyProcPid &&
            (process->roleId == login ||
             (process->roleId == InvalidOid && entry->pid == pid && entry->login == login)) &&
            BackendPidGetProcWithLock(pid) == process)
            pids[found++] = pid;
    }
    LWLockRelease(ProcArrayLock);
    return found;
}

static int
compare_pids(const void *left, const void *right)
{
    return static_cast<const TenantProcess *>(left)->pid -
           static_cast<const TenantProcess *>(right)->pid;
}

} // namespace appinfra::sessions
