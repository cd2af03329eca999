/*
 * Buckets: how many events of a kind are written one by one, and how many only counted.
 *
 * A *bucket* is for a key: a tenant or a client's address, with action, rule and outcome. It lets
 * `burst` events pass and one more each `period`; the others are *folded*: counted, with what they
 * have in common. The table has a fixed size. A key that finds no room shares a bucket with all
 * such keys of its action and rule, so that every event is counted somewhere.
 */
#pragma once

#include "audit/event_record.hpp"

namespace appinfra::events::buckets
{

/* Adds its segment of shared memory. Called once, by _PG_init. */
void define();

/* Tells whether the event may be written by itself; otherwise it has been folded. */
bool admit(const Key &key, const Record &record);

/* Counts the event with others of its key. */
void fold(const Key &key, const Record &record);

/* A count that is to be written: a copy of what the folded have in common, and where it is from. */
struct Count {
    int place;
    Record record;
};

/*
 * Copies the counts that are due and returns how many, at most `limit`: while folding goes on they
 * are due at growing intervals, and, unless that is often, as soon as it pauses. All of them with
 * `everything`.
 */
int due(Count *counts, int limit, bool everything);

/* Takes a count that has been written off its bucket. */
void settle(const Count &count);

} // namespace appinfra::events::buckets
