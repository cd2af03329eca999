/*
 * Database tasks: the one way to do something inside another database.
 *
 * A task is a short process that enters the database, does its work there and commits it, while the
 * caller waits; it sends back rows, and how it ended, with the SQLSTATE of its error. Each task has
 * a segment of shared memory with its input and a queue of messages. It ends with its caller:
 * whatever ends the caller's transaction ends the process. It sees what is committed and can wait
 * for locks, so the caller must not hold what it would need.
 */
#pragma once

#include "workers/task_input.hpp"

namespace appinfra::database_task
{

struct Task {
    const char *name;        /* of the process, after "appinfra " */
    const char *entry_point; /* its C function, which calls task_process::serve() */
    Oid database;
    bool on_standby; /* it can be done there, too */
    Input input;
    const char *text = nullptr; /* of any length, for task_process::text(); copied, too */
};

/* What the caller does with rows and with failures. `which` is the task's index. */
struct Listener {
    void (*row)(void *self, size_t which, std::span<const char *const> fields);
    void (*failure)(void *self, size_t which, int code, const char *message);
    void *self;
};

/*
 * Does all tasks, a few at a time, each for a minute at most. One that fails does not keep the
 * others from being done. For callers in a transaction: they wait a while for a free worker slot.
 */
void run_all(std::span<const Task> tasks, const Listener &listener);

/*
 * Does one task, however long it takes, and raises what went wrong there. For the builder and the
 * janitor, outside a transaction: what they find occupied they try again later.
 */
void run(const Task &task);

} // namespace appinfra::database_task
