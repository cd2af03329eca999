/*
 * Workers: what all our processes share.
 *
 * Two are static. The *scheduler* (entry/scheduler.hpp) runs a table of short periodic tasks in the
 * control database and keeps the next three running while they have something to do; the *watchdog*
 * (entry/watchdog_worker.hpp) is in no database and waits for nobody. The *builder*
 * (pool/builder.hpp) creates databases; the *janitor* (tenant/janitor.hpp) drops roles and
 * databases, and renames them; the *inspector* (exposure/inspector.hpp) looks into tenants'
 * databases; they take long. What is to be done inside another database is a
 * *database task* (database_task.hpp). Only tasks that say so start before recovery has ended, so a
 * standby has no other worker.
 */
#pragma once

#include "shmem/wakeup.hpp"

namespace appinfra::worker
{

/* Returns what all our workers have in common. */
BackgroundWorker describe(const char *name, const char *entry_point);

/* A dynamic worker. */
struct Start {
    const char *name; /* after "appinfra " */
    const char *entry_point;
    const void *extra; /* for MyBgworkerEntry->bgw_extra */
    size_t extra_size;
    bool on_standby;
};

/* Starts it; null when no worker slot is free. */
BackgroundWorkerHandle *start(const Start &start);

/*
 * Does what every worker does first: signals, a connection by name or OID, reset_session(). With
 * neither it is in no database, and can do without one.
 */
void begin(const char *database, Oid database_oid);

/* The life of the builder, the janitor and the inspector. */
struct Loop {
    wakeup::Worker worker;
    long pause_ms;                     /* between two looks, when there was nothing to do */
    void (*begin_turn)(Oid installed); /* called first in each turn, if not null */
    bool (*work)();                    /* does one thing and tells whether there was one to do */
};

/* Runs until nothing has been to do for a while, or the extension is gone. */
void run_while_needed(const Loop &loop);

/*
 * Enrolls this process as the worker; false when the last one has not ended yet. The scheduler may
 * have been restarted and know nothing of it, and two would undo each other's unfinished work.
 */
bool become(wakeup::Worker worker);

/* Overrides what ALTER DATABASE or ALTER ROLE made of this session. */
void reset_session();

/* Waits for the latch or the time-out and takes in interrupts; true when settings were reloaded. */
bool wait(long milliseconds);

} // namespace appinfra::worker
