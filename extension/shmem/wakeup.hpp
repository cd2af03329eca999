/*
 * Wake-ups: how backends and workers tell each other that there is something to do.
 *
 * Nothing here is state that must survive: after a crash all of it is empty, and everybody finds
 * their work in the registry. Latches of processes that have ended may be set; that is harmless.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::wakeup
{

/* The workers of the control database. */
enum class Worker : int { scheduler = 0, builder = 1, janitor = 2, meter = 3, inspector = 4 };
constexpr int worker_count = 5;

/* What a committed transaction left to do: a set of kinds of work. */
enum class Work : unsigned {
    none = 0,
    publications = 1,  /* the sidecar has something to claim */
    pool = 2,          /* a shell was taken */
    install = 4,       /* the extension came or went */
    credentials = 8,   /* a login was revoked, or logged in first */
    housekeeping = 16, /* something can be dropped or renamed */
    events = 32,       /* events wait to be written */
    keys = 64,         /* an API key was revoked */
    limits = 128,      /* a tenant's disk limit was changed */
    exposures = 256    /* something inside a database has changed */
};

constexpr Work
operator|(Work one, Work other)
{
    return static_cast<Work>(static_cast<unsigned>(one) | static_cast<unsigned>(other));
}

/* Tells whether the sets have a kind of work in common. */
constexpr bool
overlap(Work one, Work other)
{
    return (static_cast<unsigned>(one) & static_cast<unsigned>(other)) != 0;
}

/* Adds its segment of shared memory. Called once, by _PG_init. */
void define();

/* Tells that this process is the worker, until it exits. */
void enroll(Worker worker);

/* Tells whether a process is enrolled as the worker. */
bool is_running(Worker worker);

/* Sets the latch of the worker, if there is one. */
void wake(Worker worker);

/* Wakes the scheduler when, and only when, the current transaction commits. */
void wake_at_commit(Work work);

/* Returns what has come up since the last call, and forgets it. */
Work take_work();

/* Adds work from outside a transaction and wakes the scheduler. */
void add_work(Work work);

/* How many callers wait for a shell. */
int waiting_callers();

/* Counts the current process among the waiting callers while the body runs, whatever ends it. */
void while_waiting(void (*body)(void *), void *argument);

/* Sleeps until a shell was finished or the time is over; true when the time was over. */
bool sleep_for_shell(long milliseconds);
void prepare_to_sleep_for_shell();
void stop_sleeping_for_shell();

/* Tells all waiting callers that a shell is ready. */
void announce_shell();

} // namespace appinfra::wakeup
