/*
 * The ring: events on their way to the audit log, in shared memory.
 *
 * Any process adds; only the scheduler reads, and a record stays until the scheduler has written it
 * and removes it. The size is appinfra.event_ring_size.
 */
#pragma once

#include "audit/event_record.hpp"

namespace appinfra::events::ring
{

/* Adds its segment of shared memory. Called once, by _PG_init. */
void define();

/* Tells whether there is shared memory at all. */
bool is_attached();

/* Adds the record; false when the ring is full. Tells the scheduler when it does not know yet. */
bool add(const Record &record);

/* Returns how many records wait. From here on the next one added tells the scheduler again. */
int waiting();

/* Returns a waiting record: 0 is the oldest. It stays as it is until it is removed. */
const Record &at(int index);

/* Removes the oldest records. */
void remove(int count);

} // namespace appinfra::events::ring
