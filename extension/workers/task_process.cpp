/* The process's side of a database task. See task_process.hpp. */
#include "workers/task_process.hpp"

#include "workers/task_message.hpp"
#include "workers/worker.hpp"

namespace appinfra::task_process
{

using task_message::Kind;

static shm_mq_handle *queue;
static const char *given_text;

static void send(const StringInfoData &message);

const void *
enter()
{
    dsm_handle handle;

    memcpy(&handle, MyBgworkerEntry->bgw_extra, sizeof(handle));
    dsm_segment *mapping = dsm_attach(handle);
    if (mapping == nullptr)
        return nullptr;
    auto *address = static_cast<char *>(dsm_segment_address(mapping));
    const auto *segment = reinterpret_cast<const task_message::Segment *>(address);
    auto *shared = reinterpret_cast<shm_mq *>(address + task_message::queue_offset);
    shm_mq_set_sender(shared, MyProc);
    queue = shm_mq_attach(shared, mapping, nullptr);
    void *input = MemoryContextAlloc(TopMemoryContext, segment->input_size);
    memcpy(input, segment->input, segment->input_size);
    if (segment->has_text)
        given_text = MemoryContextStrdup(TopMemoryContext, address + task_message::text_offset);
    worker::begin(nullptr, segment->database);
    return input;
}

void
report(const Failure *failure)
{
    StringInfoData message;

    task_message::begin(&message, failure == nullptr ? Kind::done : Kind::failure);
    if (failure != nullptr) {
        pq_sendint32(&message, failure->code);
        task_message::append_text(&message, failure->message);
    }
    send(message);
}

void
send_row(std::span<const char *const> fields)
{
    StringInfoData message;

    task_message::begin(&message, Kind::row);
    pq_sendint32(&message, fields.size());
    for (const char *field : fields)
        task_message::append_text(&message, field);
    send(message);
    pfree(message.data);
}

const char *
text()
{
    return given_text;
}

/* Sends the message. A caller that is gone wants no more. */
static void
send(const StringInfoData &message)
{
    if (shm_mq_send(queue, message.len, message.data, false, true) != SHM_MQ_SUCCESS)
        proc_exit(0);
}

} // namespace appinfra::task_process
