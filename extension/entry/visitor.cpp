/* The worker's side of visits. See visit.hpp. */
#include "workers/visit_queue.hpp"

#include "base/scope.hpp"
#include "exposure/exposure.hpp"
#include "workers/setup.hpp"
#include "workers/worker.hpp"

namespace appinfra::visit
{

static shm_mq_handle *queue;

static void work(const Order &order);
static void begin_message(StringInfo message, Kind kind);
static void append_text(StringInfo message, const char *text);
static void send(const StringInfoData &message);

void
send_row(const char *const *fields)
{
    StringInfoData message;

    begin_message(&message, Kind::row);
    for (const char *field : std::span(fields, columns))
        append_text(&message, field);
    send(message);
    pfree(message.data);
}

/* Does what was ordered and tells how it ended. */
static void
work(const Order &order)
{
    StringInfoData message;
    const Failure *failure = attempt(TopMemoryContext, [&] {
        if (order.purpose == Purpose::harden)
            setup::harden_tenant(order.name);
        else
            exposure::look_inside(order);
    });

    begin_message(&message, failure == nullptr ? Kind::done : Kind::failure);
    if (failure != nullptr) {
        pq_sendint32(&message, failure->code);
        append_text(&message, failure->message);
    }
    send(message);
}

static void
begin_message(StringInfo message, Kind kind)
{
    initStringInfo(message);
    pq_sendbyte(message, static_cast<char>(kind));
    pq_sendint32(message, GetDatabaseEncoding());
}

static void
append_text(StringInfo message, const char *text)
{
    pq_sendint32(message, text == nullptr ? -1 : static_cast<int32>(strlen(text)));
    if (text != nullptr)
        pq_sendbytes(message, text, strlen(text));
}

/* Sends the message. A caller that is gone wants no more. */
static void
send(const StringInfoData &message)
{
    if (shm_mq_send(queue, message.len, message.data, false, true) != SHM_MQ_SUCCESS)
        proc_exit(0);
}

} // namespace appinfra::visit

using namespace appinfra;

/* The process: attaches to its order, enters the database, does the work. */
void
appinfra_visit_main(Datum)
{
    dsm_handle handle;

    memcpy(&handle, MyBgworkerEntry->bgw_extra, sizeof(handle));
    dsm_segment *segment = dsm_attach(handle);
    if (segment == nullptr)
        return; /* the caller is gone */
    auto *address = static_cast<char *>(dsm_segment_address(segment));
    visit::Order order = reinterpret_cast<visit::Segment *>(address)->order;
    auto *shared = reinterpret_cast<shm_mq *>(address + visit::queue_offset);
    shm_mq_set_sender(shared, MyProc);
    visit::queue = shm_mq_attach(shared, segment, nullptr);
    worker::begin(nullptr, order.database);
    visit::work(order);
}
