/* Keeps the latches and counters in shared memory. See wakeup.hpp. */
#include "shmem/wakeup.hpp"

#include "shmem/segments.hpp"

namespace appinfra::wakeup
{

struct State {
    slock_t mutex; /* guards latches */
    Latch *latches[worker_count];
    pg_atomic_uint32 work;
    pg_atomic_uint32 waiting;
    ConditionVariable shell_ready;
};

static State *state;
static Work work_of_transaction;
static bool callback_registered;

static size_t size();
static void attach(void *memory, bool is_new);
static void leave(int code, Datum worker);
static void on_transaction_end(XactEvent event, void *argument);
static void stop_waiting(int code, Datum argument);

void
define()
{
    segments::add({.name = "appinfra", .size = size, .attach = attach});
}

void
enroll(Worker worker)
{
    SpinLockAcquire(&state->mutex);
    state->latches[static_cast<int>(worker)] = MyLatch;
    SpinLockRelease(&state->mutex);
    before_shmem_exit(leave, Int32GetDatum(static_cast<int>(worker)));
}

bool
is_running(Worker worker)
{
    SpinLockAcquire(&state->mutex);
    bool running = state->latches[static_cast<int>(worker)] != nullptr;
    SpinLockRelease(&state->mutex);
    return running;
}

void
wake(Worker worker)
{
    SpinLockAcquire(&state->mutex);
    Latch *latch = state->latches[static_cast<int>(worker)];
    SpinLockRelease(&state->mutex);
    if (latch != nullptr)
        SetLatch(latch);
}

void
wake_at_commit(Work work)
{
    if (!callback_registered) {
        RegisterXactCallback(on_transaction_end, nullptr);
        callback_registered = true;
    }
    work_of_transaction = work_of_transaction | work;
}

Work
take_work()
{
    return static_cast<Work>(pg_atomic_exchange_u32(&state->work, 0));
}

void
add_work(Work work)
{
    pg_atomic_fetch_or_u32(&state->work, static_cast<unsigned>(work));
    wake(Worker::scheduler);
}

int
waiting_callers()
{
    return static_cast<int>(pg_atomic_read_u32(&state->waiting));
}

void
while_waiting(void (*body)(void *), void *argument)
{
    pg_atomic_fetch_add_u32(&state->waiting, 1);
    PG_ENSURE_ERROR_CLEANUP(stop_waiting, static_cast<Datum>(0));
    {
        body(argument);
    }
    PG_END_ENSURE_ERROR_CLEANUP(stop_waiting, static_cast<Datum>(0));
    stop_waiting(0, static_cast<Datum>(0));
}

bool
sleep_for_shell(long milliseconds)
{
    return ConditionVariableTimedSleep(&state->shell_ready, milliseconds, PG_WAIT_EXTENSION);
}

void
prepare_to_sleep_for_shell()
{
    ConditionVariablePrepareToSleep(&state->shell_ready);
}

void
stop_sleeping_for_shell()
{
    ConditionVariableCancelSleep();
}

void
announce_shell()
{
    ConditionVariableBroadcast(&state->shell_ready);
}

static size_t
size()
{
    return sizeof(State);
}

/* Attaches to the memory; the first process also fills it in. */
static void
attach(void *memory, bool is_new)
{
    state = static_cast<State *>(memory);
    if (!is_new)
        return;
    SpinLockInit(&state->mutex);
    pg_atomic_init_u32(&state->work, 0);
    pg_atomic_init_u32(&state->waiting, 0);
    ConditionVariableInit(&state->shell_ready);
}

/* Takes the exiting process off the list, unless its successor is on it already. */
static void
leave(int, Datum worker)
{
    SpinLockAcquire(&state->mutex);
    if (state->latches[DatumGetInt32(worker)] == MyLatch)
        state->latches[DatumGetInt32(worker)] = nullptr;
    SpinLockRelease(&state->mutex);
}

/* At the end of any transaction: forgets, or passes on, what it left to do. */
static void
on_transaction_end(XactEvent event, void *)
{
    Work work = work_of_transaction;

    if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
        return;
    work_of_transaction = Work::none;
    if (event == XACT_EVENT_COMMIT && work != Work::none)
        add_work(work);
}

/* Takes the current process off the waiting callers. */
static void
stop_waiting(int, Datum)
{
    ConditionVariableCancelSleep();
    pg_atomic_fetch_sub_u32(&state->waiting, 1);
}

} // namespace appinfra::wakeup
