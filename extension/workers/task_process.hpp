/*
 * The process of a database task (database_task.hpp): it finds its input, enters the database, does
 * the task and tells the caller how it ended.
 */
#pragma once

#include "base/scope.hpp"

namespace appinfra::task_process
{

/* Attaches to the caller's segment and enters the database; null when the caller is gone. */
const void *enter();

/* Tells the caller that the task is done, or why it failed. */
void report(const Failure *failure);

/*
 * The whole life of the process, called by its C entry point. The body gets what the caller has
 * given as input, and runs outside a transaction.
 */
template <typename Input>
void
serve(void (*body)(const Input &))
{
    if (const auto *input = static_cast<const Input *>(enter()))
        report(attempt(TopMemoryContext, [&] { body(*input); }));
}

/* Returns the text that the caller has given besides, or null. */
const char *text();

/* Sends a row of texts to the caller, null pointers for NULL. Ends the process if it is gone. */
void send_row(std::span<const char *const> fields);

} // namespace appinfra::task_process
