/*
 * Ending calls: calls of gateways that are finished in the registry and not yet over in their
 * workspace.
 *
 * A call that is finished commits even though its key is revoked afterwards; so who waits for the
 * end of a revoked key has to know of it. Each process has one entry: the key whose call it ends,
 * and in which transaction. After a crash there is no such call.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::ending_calls
{

/* Adds its segment of shared memory. Called once, by _PG_init. */
void define();

/* Returns who has logged in where the transaction with the id runs; invalid: nowhere. */
Oid owner_of(FullTransactionId xid);

/* The same for a process. */
Oid owner_of(int pid);

/* Notes that the transaction with the id ends a call of the key; false when it is over. */
bool note(const char *key_id, FullTransactionId xid);

/* The same for the process's present transaction, or, without one, all that it does from now on. */
bool note(const char *key_id, int pid);

/* Returns how many calls of the key are ending, and asks their processes to end, if told to. */
int count(const char *key_id, bool end);

/* Asks the process to end if it has that transaction. */
void end_if(int pid, FullTransactionId xid);

/* Tells whether there is such a process. */
bool is_running(int pid);

} // namespace appinfra::ending_calls
