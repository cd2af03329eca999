/* The caller's side of database tasks. See database_task.hpp. */
#include "workers/database_task.hpp"

#include "base/lock.hpp"
#include "base/scope.hpp"
#include "workers/task_message.hpp"
#include "workers/worker.hpp"

namespace appinfra::database_task
{

/* A task that is being done. */
struct Running {
    size_t which;
    dsm_segment *segment;
    shm_mq_handle *queue;
    BackgroundWorkerHandle *worker;
    TimestampTz deadline;
    bool ended;
};

/* How long the caller waits, for a free worker slot and for a task. */
struct Terms {
    int slot_ms;
    int task_ms; /* 0: without limit */
};

/* All tasks of one call. */
struct Round {
    std::span<const Task> tasks;
    const Listener *listener;
    Terms terms;
    size_t next;
    Running running[4];
    int count;
    int at_once;
    TimestampTz patience;  /* until when it waits for a free worker slot */
    MemoryContext message; /* for one message at a time */
};

constexpr int at_once = 4; /* for one caller; further callers have one task at a time */
constexpr Terms for_callers = {.slot_ms = 10 * 1000, .task_ms = 60 * 1000};
constexpr Terms for_workers = {.slot_ms = 0, .task_ms = 0};
constexpr long look_again_ms = 20;

static void carry_out(Round *round);
static void be_patient(Round *round);
static bool start_next(Round *round);
static bool start(const Task &task, const Terms &terms, Running *running);
static void end_worker(dsm_segment *segment, Datum worker);
static bool listen(Round *round, Running *running);
static void fail(Round *round, Running *running, int code, const char *message);
static void take(Round *round, Running *running, StringInfo message);
static void take_row(Round *round, const Running &running, StringInfo message, int encoding);
static void finish(Running *running);
static void pause();
static void ignore_row(void *, size_t, std::span<const char *const>);
static void raise_failure(void *, size_t, int code, const char *message);

static_assert(at_once <= lengthof(Round::running));

void
run_all(std::span<const Task> tasks, const Listener &listener)
{
    Round round = {};

    round.tasks = tasks;
    round.listener = &listener;
    round.terms = for_callers;
    /* other processes need worker slots, too, however many callers there are at a time */
    round.at_once = tasks.size() > 1 && lock::try_take(lock::Kind::tasks, "") ? at_once : 1;
    carry_out(&round);
}

/*
 * The transaction holds no lock and no snapshot: nothing inside the database waits for it. It is
 * there so that an error, or the end of this process, ends the task.
 */
void
run(const Task &task)
{
    MemoryContext caller = CurrentMemoryContext;
    const Listener listener = {.row = ignore_row, .failure = raise_failure, .self = nullptr};
    Round round = {};

    round.tasks = {&task, 1};
    round.listener = &listener;
    round.terms = for_workers;
    round.at_once = 1;
    StartTransactionCommand();
    carry_out(&round);
    CommitTransactionCommand();
    MemoryContextSwitchTo(caller);
}

static void
carry_out(Round *round)
{
    round->message =
        AllocSetContextCreate(CurrentMemoryContext, "task message", ALLOCSET_DEFAULT_SIZES);
    be_patient(round);
    while (round->count > 0 || round->next < round->tasks.size()) {
        bool moved = start_next(round);

        for (int i = 0; i < round->count; i++)
            moved = listen(round, &round->running[i]) || moved;
        for (int i = round->count - 1; i >= 0; i--)
            if (round->running[i].ended) {
                finish(&round->running[i]);
                round->running[i] = round->running[--round->count];
            }
        CHECK_FOR_INTERRUPTS();
        if (!moved)
            pause();
    }
    MemoryContextDelete(round->message);
}

/* Waits for a worker slot from now on, until the time is over. */
static void
be_patient(Round *round)
{
    round->patience = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), round->terms.slot_ms);
}

/*
 * Starts the next task if there is room for it; true when it did, or gave it up because no worker
 * slot became free. Once that was waited for in vain, the next tasks are not waited for again.
 */
static bool
start_next(Round *round)
{
    if (round->count == round->at_once || round->next == round->tasks.size())
        return false;
    Running *running = &round->running[round->count];
    running->which = round->next;
    if (start(round->tasks[round->next], round->terms, running)) {
        round->count++;
        be_patient(round);
    } else {
        if (round->count > 0 || GetCurrentTimestamp() < round->patience)
            return false;
        fail(round, running, ERRCODE_INSUFFICIENT_RESOURCES, "no background worker slot is free");
    }
    round->next++;
    return true;
}

/* Starts the process; false when no worker slot is free. Its end is tied to that of its segment. */
static bool
start(const Task &task, const Terms &terms, Running *running)
{
    shm_mq *queue;
    BackgroundWorkerHandle *worker = nullptr;
    dsm_segment *segment = task_message::make_segment(task.database, task.input, task.text, &queue);
    dsm_handle handle = dsm_segment_handle(segment);
    TimestampTz now = GetCurrentTimestamp();

    /* an abort drops the memory of statements before it detaches from segments */
    in_context(TopTransactionContext, [&] {
        worker = worker::start({.name = task.name,
                                .entry_point = task.entry_point,
                                .extra = &handle,
                                .extra_size = sizeof(handle),
                                .on_standby = task.on_standby});
    });
    if (worker == nullptr) {
        dsm_detach(segment);
        return false;
    }
    on_dsm_detach(segment, end_worker, PointerGetDatum(worker));
    *running = {.which = running->which,
                .segment = segment,
                .queue = shm_mq_attach(queue, segment, worker),
                .worker = worker,
                .deadline =
                    terms.task_ms > 0 ? TimestampTzPlusMilliseconds(now, terms.task_ms) : DT_NOEND,
                .ended = false};
    return true;
}

/* Called when the caller lets go of the segment, also by an error. */
static void
end_worker(dsm_segment *, Datum worker)
{
    TerminateBackgroundWorker(reinterpret_cast<BackgroundWorkerHandle *>(DatumGetPointer(worker)));
}

/* Takes all messages that a task has sent; true when there was something. */
static bool
listen(Round *round, Running *running)
{
    bool heard = false;

    while (!running->ended) {
        StringInfoData message = {};
        Size size;
        void *data;
        shm_mq_result result = shm_mq_receive(running->queue, &size, &data, true);

        if (result == SHM_MQ_WOULD_BLOCK) {
            if (GetCurrentTimestamp() < running->deadline)
                break;
            fail(round, running, ERRCODE_QUERY_CANCELED, "it took too long");
        } else if (result == SHM_MQ_DETACHED) {
            fail(round, running, ERRCODE_INTERNAL_ERROR, "the worker ended before it was done");
        } else {
            message.data = static_cast<char *>(data);
            message.len = static_cast<int>(size);
            in_context(round->message, [&] { take(round, running, &message); });
            MemoryContextReset(round->message);
        }
        heard = true;
    }
    return heard;
}

/* Tells the listener that the task has failed, which ends it. */
static void
fail(Round *round, Running *running, int code, const char *message)
{
    running->ended = true;
    round->listener->failure(round->listener->self, running->which, code, message);
}

/* Passes a message on to the listener. */
static void
take(Round *round, Running *running, StringInfo message)
{
    auto kind = static_cast<task_message::Kind>(pq_getmsgbyte(message));
    int encoding = pq_getmsgint(message, 4);

    if (kind == task_message::Kind::row) {
        take_row(round, *running, message, encoding);
    } else if (kind == task_message::Kind::failure) {
        int code = pq_getmsgint(message, 4);

        fail(round, running, code, task_message::read_text(message, encoding));
    } else {
        running->ended = true;
    }
}

static void
take_row(Round *round, const Running &running, StringInfo message, int encoding)
{
    const char *fields[task_message::fields_limit];
    size_t count = pq_getmsgint(message, 4);

    Assert(count <= lengthof(fields));
    for (const char *&field : std::span(fields, count))
        field = task_message::read_text(message, encoding);
    round->listener->row(round->listener->self, running.which, {fields, count});
}

/* Ends the process if it still runs, and waits until its slot is free. */
static void
finish(Running *running)
{
    BackgroundWorkerHandle *worker = running->worker;

    shm_mq_detach(running->queue);
    dsm_detach(running->segment);
    if (WaitForBackgroundWorkerShutdown(worker) == BGWH_POSTMASTER_DIED)
        proc_exit(1);
    pfree(worker);
}

/* Waits until a task has sent something, or for a moment. */
static void
pause()
{
    WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, look_again_ms,
              PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
}

/* For run(): its tasks have nothing to tell but how they ended. */
static void
ignore_row(void *, size_t, std::span<const char *const>)
{
}

static void
raise_failure(void *, size_t, int code, const char *message)
{
    ereport(ERROR, (errcode(code), errmsg("%s", message),
                    code == ERRCODE_INSUFFICIENT_RESOURCES ? errhint("Raise max_worker_processes.")
                    : code == ERRCODE_INTERNAL_ERROR       ? errhint("The server log says why.")
                                                           : 0));
}

} // namespace appinfra::database_task
