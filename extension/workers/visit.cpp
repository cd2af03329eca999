/* The caller's side of visits. See visit.hpp. */
#include "workers/visit_queue.hpp"

#include "base/lock.hpp"
#include "base/scope.hpp"
#include "workers/worker.hpp"

namespace appinfra::visit
{

/* A visit that is under way. */
struct Visit {
    size_t which;
    dsm_segment *segment;
    shm_mq_handle *queue;
    BackgroundWorkerHandle *worker;
    TimestampTz deadline;
    bool ended;
};

/* All visits of one call. */
struct Round {
    std::span<const Order> orders;
    const Listener *listener;
    size_t next;
    Visit visits[8];
    int active;
    int at_once;
    TimestampTz patience;  /* until when it waits for a free worker slot */
    MemoryContext message; /* for one message at a time */
};

constexpr int at_once = 4; /* of the one caller who is first; others: one at a time */
constexpr int visit_seconds = 60;
constexpr int patience_ms = 10 * 1000;
constexpr long look_again_ms = 20;

static void be_patient(Round *round);
static bool start_next(Round *round);
static bool start(const Order &order, Visit *visit);
static void end_worker(dsm_segment *segment, Datum worker);
static bool listen(Round *round, Visit *visit);
static void take(Round *round, Visit *visit, StringInfo message);
static const char *text_of(StringInfo message, int encoding);
static const char *escaped(const char *bytes, int length);
static void finish(Visit *visit);
static void pause();

static_assert(at_once <= lengthof(Round::visits));

void
carry_out(std::span<const Order> orders, const Listener &listener)
{
    Round round = {};

    round.orders = orders;
    round.listener = &listener;
    round.message =
        AllocSetContextCreate(CurrentMemoryContext, "visit message", ALLOCSET_DEFAULT_SIZES);
    be_patient(&round);
    /* whoever else needs worker slots must find some, however many ask at a time */
    round.at_once = orders.size() > 1 && lock::try_take(lock::Kind::visits, "") ? at_once : 1;
    while (round.active > 0 || round.next < orders.size()) {
        bool moved = start_next(&round);

        for (int i = 0; i < round.active; i++)
            moved = listen(&round, &round.visits[i]) || moved;
        for (int i = round.active - 1; i >= 0; i--)
            if (round.visits[i].ended) {
                finish(&round.visits[i]);
                round.visits[i] = round.visits[--round.active];
            }
        CHECK_FOR_INTERRUPTS();
        if (!moved)
            pause();
    }
    MemoryContextDelete(round.message);
}

/* Waits for a worker slot from now on, until the time is over. */
static void
be_patient(Round *round)
{
    round->patience = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), patience_ms);
}

/*
 * Starts the next visit if there is room for it; true when it did, or gave it up because no worker
 * slot became free. Once that was waited for in vain, the next databases are not waited for again.
 */
static bool
start_next(Round *round)
{
    if (round->active == round->at_once || round->next == round->orders.size())
        return false;
    Visit *visit = &round->visits[round->active];
    visit->which = round->next;
    if (start(round->orders[round->next], visit)) {
        round->active++;
        be_patient(round);
    } else {
        if (round->active > 0 || GetCurrentTimestamp() < round->patience)
            return false;
        round->listener->failure(round->listener->self, round->next, ERRCODE_INSUFFICIENT_RESOURCES,
                                 "no background worker slot is free");
    }
    round->next++;
    return true;
}

/* Starts a visitor; false when no worker slot is free. Its end is tied to that of its segment. */
static bool
start(const Order &order, Visit *visit)
{
    dsm_segment *segment = dsm_create(queue_offset + queue_size, 0);
    auto *address = static_cast<char *>(dsm_segment_address(segment));
    dsm_handle handle = dsm_segment_handle(segment);

    reinterpret_cast<Segment *>(address)->order = order;
    shm_mq *queue = shm_mq_create(address + queue_offset, queue_size);
    shm_mq_set_receiver(queue, MyProc);
    /* an abort drops the memory of statements before it detaches from segments */
    MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
    BackgroundWorkerHandle *worker =
        worker::start_visitor(&handle, sizeof(handle), order.purpose != Purpose::harden);
    MemoryContextSwitchTo(caller);
    if (worker == nullptr) {
        dsm_detach(segment);
        return false;
    }
    on_dsm_detach(segment, end_worker, PointerGetDatum(worker));
    *visit = {.which = visit->which,
              .segment = segment,
              .queue = shm_mq_attach(queue, segment, worker),
              .worker = worker,
              .deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), visit_seconds * 1000),
              .ended = false};
    return true;
}

/* Called when the caller lets go of the segment, also by an error. */
static void
end_worker(dsm_segment *, Datum worker)
{
    TerminateBackgroundWorker(reinterpret_cast<BackgroundWorkerHandle *>(DatumGetPointer(worker)));
}

/* Takes all messages that a visit has sent; true when there was something. */
static bool
listen(Round *round, Visit *visit)
{
    bool heard = false;

    while (!visit->ended) {
        StringInfoData message = {};
        Size size;
        void *data;
        shm_mq_result result = shm_mq_receive(visit->queue, &size, &data, true);

        if (result == SHM_MQ_WOULD_BLOCK) {
            if (GetCurrentTimestamp() < visit->deadline)
                break;
            round->listener->failure(round->listener->self, visit->which, ERRCODE_QUERY_CANCELED,
                                     "the visit took too long");
            visit->ended = true;
        } else if (result == SHM_MQ_DETACHED) {
            round->listener->failure(round->listener->self, visit->which, ERRCODE_INTERNAL_ERROR,
                                     "the worker ended before it was done");
            visit->ended = true;
        } else {
            message.data = static_cast<char *>(data);
            message.len = static_cast<int>(size);
            in_context(round->message, [&] { take(round, visit, &message); });
            MemoryContextReset(round->message);
        }
        heard = true;
    }
    return heard;
}

/* Passes a message on to the listener. */
static void
take(Round *round, Visit *visit, StringInfo message)
{
    auto kind = static_cast<Kind>(pq_getmsgbyte(message));
    int encoding = pq_getmsgint(message, 4);
    const char *fields[columns];

    if (kind == Kind::row) {
        for (const char *&field : fields)
            field = text_of(message, encoding);
        round->listener->row(round->listener->self, visit->which, fields);
        return;
    }
    visit->ended = true;
    if (kind == Kind::failure) {
        int code = pq_getmsgint(message, 4);

        round->listener->failure(round->listener->self, visit->which, code,
                                 text_of(message, encoding));
    }
}

/* Returns the next text of a message; a null pointer for NULL. */
static const char *
text_of(StringInfo message, int encoding)
{
    auto length = static_cast<int32>(pq_getmsgint(message, 4));

    if (length < 0)
        return nullptr;
    const char *bytes = pq_getmsgbytes(message, length);
    return encoding == GetDatabaseEncoding() ? pnstrdup(bytes, length) : escaped(bytes, length);
}

/* Returns the text with what is no ASCII as \xHH: another encoding may have no such character. */
static const char *
escaped(const char *bytes, int length)
{
    StringInfoData text;

    initStringInfo(&text);
    for (const char *at = bytes; at < bytes + length; at++)
        if (IS_HIGHBIT_SET(*at))
            appendStringInfo(&text, "\\x%02X", static_cast<unsigned char>(*at));
        else
            appendStringInfoChar(&text, *at);
    return text.data;
}

/* Ends the worker if it still runs, and waits until its slot is free. */
static void
finish(Visit *visit)
{
    BackgroundWorkerHandle *worker = visit->worker;

    shm_mq_detach(visit->queue);
    dsm_detach(visit->segment);
    if (WaitForBackgroundWorkerShutdown(worker) == BGWH_POSTMASTER_DIED)
        proc_exit(1);
    pfree(worker);
}

/* Waits until a visitor has sent something, or for a moment. */
static void
pause()
{
    WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, look_again_ms,
              PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
}

} // namespace appinfra::visit
