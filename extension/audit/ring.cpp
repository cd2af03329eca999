/* Keeps events until they are written. See ring.hpp. */
#include "audit/ring.hpp"

#include "base/settings.hpp"
#include "shmem/segments.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::events::ring
{

struct State {
    slock_t mutex;         /* guards head and tail */
    uint64 head;           /* how many were ever added */
    uint64 tail;           /* how many were ever removed */
    pg_atomic_uint32 told; /* 1: the scheduler has been told and has not looked yet */
    Record records[FLEXIBLE_ARRAY_MEMBER];
};

static State *state;

static size_t size();
static void attach(void *memory, bool is_new);
static Record &place_of(uint64 number);
static void tell_scheduler();

void
define()
{
    segments::add({.name = "appinfra events", .size = size, .attach = attach});
}

bool
is_attached()
{
    return state != nullptr;
}

bool
add(const Record &record)
{
    SpinLockAcquire(&state->mutex);
    bool fits = state->head - state->tail < static_cast<uint64>(settings::event_ring_size);
    if (fits)
        memcpy(&place_of(state->head++), &record, sizeof(record));
    SpinLockRelease(&state->mutex);
    tell_scheduler();
    return fits;
}

int
waiting()
{
    pg_atomic_write_u32(&state->told, 0);
    pg_memory_barrier();
    SpinLockAcquire(&state->mutex);
    int count = static_cast<int>(state->head - state->tail);
    SpinLockRelease(&state->mutex);
    return count;
}

const Record &
at(int index)
{
    return place_of(state->tail + index);
}

void
remove(int count)
{
    SpinLockAcquire(&state->mutex);
    state->tail += count;
    SpinLockRelease(&state->mutex);
}

static size_t
size()
{
    return add_size(offsetof(State, records), mul_size(settings::event_ring_size, sizeof(Record)));
}

/* Attaches to the memory; the first process also fills it in. */
static void
attach(void *memory, bool is_new)
{
    state = static_cast<State *>(memory);
    if (!is_new)
        return;
    SpinLockInit(&state->mutex);
    pg_atomic_init_u32(&state->told, 0);
}

static Record &
place_of(uint64 number)
{
    return state->records[number % settings::event_ring_size];
}

/* Sets the scheduler's latch, unless that was done and it has not looked since. */
static void
tell_scheduler()
{
    if (pg_atomic_read_u32(&state->told) == 0 && pg_atomic_exchange_u32(&state->told, 1) == 0)
        wakeup::add_work(wakeup::Work::events);
}

} // namespace appinfra::events::ring
