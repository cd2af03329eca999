/*
 * Transaction ids: how many the sessions of each tenant have taken, and what their temporary tables
 * keep.
 *
 * A session of a tenant counts its own ids, those of subtransactions too, when a transaction or a
 * subtransaction ends. The count belongs to the slot of the process and to the tenant: it goes on
 * where the next process in the slot is the same tenant's, so that sessions that come and go are
 * not forgotten. Who reads it compares it with what it was before.
 */
#pragma once

#include "base/label.hpp"

namespace appinfra::transaction_ids
{

/* How many ids processes of the tenant have taken in a slot, since the tenant came there. */
struct Account {
    char db_id[label::word_limit]; /* empty: nobody's */
    uint64 taken;
};

/* Adds its segment of shared memory. Called once, by _PG_init. */
void define();

/* Tells that this process is to be a session of the tenant: from now on it counts its ids. */
void count_for(const char *db_id);

/* Returns what was counted in a slot for the tenant there, and for the one before. */
constexpr int accounts_per_slot = 2;
Account account(int slot, int which);

/* Sets and returns the oldest id in temporary tables of the process in the slot; 0: none known. */
void set_temporary(int slot, int pid, TransactionId oldest);
TransactionId temporary(int slot, int pid);

/* Sets and returns how many ids the process in the slot has lately taken per second. */
void set_rate(int slot, int pid, uint32 rate);
uint32 rate(int slot, int pid);

} // namespace appinfra::transaction_ids
