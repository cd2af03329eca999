/* Makes segments; writes and reads the parts of messages. See task_message.hpp. */
#include "workers/task_message.hpp"

namespace appinfra::task_message
{

static const char *escaped(const char *bytes, int length);

dsm_segment *
make_segment(Oid database, const database_task::Input &input, const char *text, shm_mq **queue)
{
    size_t text_size = text != nullptr ? strlen(text) + 1 : 0;
    dsm_segment *mapping = dsm_create(text_offset + text_size, 0);
    auto *address = static_cast<char *>(dsm_segment_address(mapping));
    auto *segment = reinterpret_cast<Segment *>(address);

    segment->database = database;
    segment->input_size = input.size;
    segment->has_text = text != nullptr;
    memcpy(segment->input, input.data, input.size);
    if (text_size > 0)
        memcpy(address + text_offset, text, text_size);
    *queue = shm_mq_create(address + queue_offset, queue_size);
    shm_mq_set_receiver(*queue, MyProc);
    return mapping;
}

void
begin(StringInfo message, Kind kind)
{
    initStringInfo(message);
    pq_sendbyte(message, static_cast<char>(kind));
    pq_sendint32(message, GetDatabaseEncoding());
}

void
append_text(StringInfo message, const char *text)
{
    pq_sendint32(message, text == nullptr ? -1 : static_cast<int32>(strlen(text)));
    if (text != nullptr)
        pq_sendbytes(message, text, strlen(text));
}

const char *
read_text(StringInfo message, int encoding)
{
    auto length = static_cast<int32>(pq_getmsgint(message, 4));

    if (length < 0)
        return nullptr;
    const char *bytes = pq_getmsgbytes(message, length);
    return encoding == GetDatabaseEncoding() ? pnstrdup(bytes, length) : escaped(bytes, length);
}

/* Returns the text with what is no ASCII as \xHH. */
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

} // namespace appinfra::task_message
