/*
 * Disk limits: which sessions are of a tenant above its limit, and which of them run what grows.
 *
 * The meter (usage/meter.hpp) says the first, each session the second about itself. A session asks
 * at each statement that grows, so the answer is one word of memory: its own pid while its tenant
 * is above the limit. What the meter says of a process that has ended is of no other process.
 */
#pragma once

#include "base/label.hpp"

namespace appinfra::disk_limits
{

/* What is known of the process in a slot. The first two words are written by the meter alone. */
struct Slot {
    int over_pid;           /* its pid while its tenant is above the limit */
    TimestampTz stopped;    /* the statement that was stopped because of it; 0: none */
    TimestampTz growing_at; /* the start of the client's statement that grew last; 0: none */
    TimestampTz changed_at; /* of the last that may have given space back; 0: none */
};

extern volatile Slot *mine; /* null: this process is no session of a tenant */

/* Adds its segment of shared memory. Called once, by _PG_init. */
void define();

/* Tells that this process is to be a session of the tenant. */
void enter(const char *db_id);

/* Tells whether this process is a session of a tenant above its limit. */
inline bool
is_over()
{
    return mine != nullptr && mine->over_pid == MyProcPid;
}

/* Notes that what the client has sent grows. */
inline void
note_growth()
{
    if (mine != nullptr)
        mine->growing_at = GetCurrentStatementStartTimestamp();
}

/* Notes that what the client has sent may give space back. */
inline void
note_change()
{
    if (mine != nullptr)
        mine->changed_at = GetCurrentStatementStartTimestamp();
}

/* Tells whether the meter has stopped what the client has sent. */
bool was_stopped();

/* For the meter: says whether the process in the slot is of a tenant above its limit. */
void set(int slot, int pid, bool over);

/* Returns when the client's statement began that grew last in the slot; 0: none did. */
TimestampTz growing_at(int slot);

/* Returns when the last began that has grown or given space back; 0: none has. */
TimestampTz changed_at(int slot);

/* Cancels the statement of the process that began then. */
void stop(int slot, int pid, TimestampTz statement);

/* Sets which tenants are above their limit, for sessions that begin. More are found in a second. */
constexpr int listed_limit = 1024;
void list(std::span<const char *const> db_ids);

} // namespace appinfra::disk_limits
