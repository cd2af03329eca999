/* Waits for the control database. See control_database.hpp. */
#include "workers/control_database.hpp"

#include "base/settings.hpp"
#include "shmem/segments.hpp"
#include "workers/worker.hpp"

namespace appinfra::control_database
{

constexpr long look_again_ms = 1000;
constexpr int say_again_ms = 60 * 1000;

struct State {
    pg_atomic_uint32 missing; /* the last one who entered it did not find it */
};

static State *state;

static size_t size();
static void attach(void *memory, bool is_new);
static bool exists();
[[noreturn]] static void wait_until_it_exists();
static void explain(void *argument);

void
define()
{
    segments::add({.name = "appinfra control database", .size = size, .attach = attach});
}

void
begin()
{
    ErrorContextCallback callback = {
        .previous = error_context_stack, .callback = explain, .arg = nullptr};

    if (pg_atomic_read_u32(&state->missing) != 0)
        wait_until_it_exists();
    error_context_stack = &callback;
    worker::begin(settings::control_database, InvalidOid);
    error_context_stack = callback.previous;
}

/* Looks once a second, says once a minute what it waits for, and ends the process. */
static void
wait_until_it_exists()
{
    TimestampTz said = GetCurrentTimestamp(); /* by the one who did not find it */

    worker::begin(nullptr, InvalidOid);
    while (!exists()) {
        if (TimestampDifferenceExceeds(said, GetCurrentTimestamp(), say_again_ms)) {
            ereport(LOG,
                    (errcode(ERRCODE_UNDEFINED_DATABASE),
                     errmsg("appinfra waits for its control database \"%s\", which does not exist",
                            settings::control_database),
                     errhint("Create it, or correct \"appinfra.control_database\" in "
                             "postgresql.conf and restart the server.")));
            said = GetCurrentTimestamp();
        }
        worker::wait(look_again_ms);
    }
    pg_atomic_write_u32(&state->missing, 0);
    proc_exit(1); /* the postmaster starts another, which enters it */
}

/*
 * Tells whether the database is there. Without a database of its own a process can use an index of
 * pg_database only when it found the file that others leave of it at their start, as core does.
 */
static bool
exists()
{
    ScanKeyData key;

    StartTransactionCommand();
    ScanKeyInit(&key, Anum_pg_database_datname, BTEqualStrategyNumber, F_NAMEEQ,
                CStringGetDatum(settings::control_database));
    Relation databases = table_open(DatabaseRelationId, AccessShareLock);
    SysScanDesc scan = systable_beginscan(databases, DatabaseNameIndexId,
                                          criticalSharedRelcachesBuilt, nullptr, 1, &key);
    bool found = HeapTupleIsValid(systable_getnext(scan));
    systable_endscan(scan);
    table_close(databases, AccessShareLock);
    CommitTransactionCommand();
    return found;
}

/* Adds what to do to the error that ends a process which does not find the database. */
static void
explain(void *)
{
    if (geterrcode() != ERRCODE_UNDEFINED_DATABASE)
        return;
    pg_atomic_write_u32(&state->missing, 1);
    errhint(
        "Create it, or correct \"appinfra.control_database\" in postgresql.conf and restart the "
        "server. Until it is there, appinfra waits.");
}

static size_t
size()
{
    return sizeof(State);
}

/* Attaches to the memory; the first process also fills it in. */
static void
attach(void *memory, bool is_new)
{
    state = static_cast<State *>(memory);
    if (is_new)
        pg_atomic_init_u32(&state->missing, 0);
}

} // namespace appinfra::control_database
