/* Keeps the slots of sessions in shared memory. See disk_limits.hpp. */
#include "shmem/disk_limits.hpp"

#include "shmem/segments.hpp"

#include <csignal>

namespace appinfra::disk_limits
{

struct State {
    slock_t mutex; /* guards the list */
    int count;
    char listed[listed_limit][label::word_limit];
    Slot slots[FLEXIBLE_ARRAY_MEMBER]; /* by the number of the PGPROC */
};

volatile Slot *mine;

static State *state;

static size_t size();
static void attach(void *memory, bool is_new);
static bool is_listed(const char *db_id);

void
define()
{
    segments::add({.name = "appinfra disk limits", .size = size, .attach = attach});
}

void
enter(const char *db_id)
{
    mine = &state->slots[pg::number_of(MyProc)];
    mine->stopped = 0;
    mine->growing_at = 0;
    mine->changed_at = 0;
    mine->over_pid = is_listed(db_id) ? MyProcPid : 0;
}

bool
was_stopped()
{
    return mine != nullptr && mine->stopped != 0 &&
           mine->stopped == GetCurrentStatementStartTimestamp();
}

/* A process that has just come into the slot reads its own pid nowhere but where it is meant. */
void
set(int slot, int pid, bool over)
{
    volatile Slot *its = &state->slots[slot];

    if (over && its->over_pid != pid)
        its->over_pid = pid;
    else if (!over && its->over_pid == pid)
        its->over_pid = 0;
}

TimestampTz
growing_at(int slot)
{
    volatile Slot *its = &state->slots[slot];

    return its->growing_at;
}

TimestampTz
changed_at(int slot)
{
    volatile Slot *its = &state->slots[slot];
    TimestampTz changed = its->changed_at;

    return Max(changed, growing_at(slot));
}

void
stop(int slot, int pid, TimestampTz statement)
{
    LWLockAcquire(ProcArrayLock, LW_SHARED);
    if (BackendPidGetProcWithLock(pid) == &ProcGlobal->allProcs[slot] &&
        growing_at(slot) == statement) {
        volatile Slot *its = &state->slots[slot];

        its->stopped = statement;
        pg_memory_barrier();
        kill(pid, SIGINT);
    }
    LWLockRelease(ProcArrayLock);
}

void
list(std::span<const char *const> db_ids)
{
    int count = 0;

    SpinLockAcquire(&state->mutex);
    for (const char *db_id : db_ids)
        if (count < listed_limit) {
            strlcpy(state->listed[count], db_id, sizeof(state->listed[count]));
            count++;
        }
    state->count = count;
    SpinLockRelease(&state->mutex);
}

static bool
is_listed(const char *db_id)
{
    bool found = false;

    SpinLockAcquire(&state->mutex);
    for (int i = 0; i < state->count && !found; i++)
        found = strcmp(state->listed[i], db_id) == 0;
    SpinLockRelease(&state->mutex);
    return found;
}

static size_t
size()
{
    return add_size(offsetof(State, slots), mul_size(MaxBackends, sizeof(Slot)));
}

/* Attaches to the memory; the first process also fills it in. */
static void
attach(void *memory, bool is_new)
{
    state = static_cast<State *>(memory);
    if (!is_new)
        return;
    memset(memory, 0, size());
    SpinLockInit(&state->mutex);
}

} // namespace appinfra::disk_limits
