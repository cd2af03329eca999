/*
 * What a database task shares with its caller: the segment, and the form of its messages. For
 * database_task.cpp and task_process.cpp only.
 *
 * The segment is a header with the input, a queue of messages, and a text. A message is a kind, the
 * encoding of its texts, then: of a row, the number of texts and the texts; of a failure, the
 * SQLSTATE and a text.
 */
#pragma once

#include "workers/task_input.hpp"

namespace appinfra::task_message
{

struct Segment {
    Oid database;
    size_t input_size;
    bool has_text;
    alignas(MAXIMUM_ALIGNOF) char input[database_task::input_limit];
};

constexpr size_t queue_offset = MAXALIGN(sizeof(Segment));
constexpr size_t queue_size = 64 * 1024;
constexpr size_t text_offset = queue_offset + queue_size;

/*
 * Makes a segment with the input, the text, which may be null, and an empty queue, which this
 * process is to receive from.
 */
dsm_segment *make_segment(Oid database, const database_task::Input &input, const char *text,
                          shm_mq **queue);

enum class Kind : char { row = 'r', failure = 'f', done = 'd' };

constexpr int fields_limit = 16; /* texts of a row */

/* Begins a message in the encoding of this database. */
void begin(StringInfo message, Kind kind);

/* Appends a text: its length, -1 for NULL, and its bytes. */
void append_text(StringInfo message, const char *text);

/*
 * Returns the next text of a message; a null pointer for NULL. Where its encoding is not that of
 * this database, what is no ASCII becomes \xHH: the other encoding may have no such character.
 */
const char *read_text(StringInfo message, int encoding);

} // namespace appinfra::task_message
