/* Asks after temporary tables. See temporary_tables.hpp. */
#include "tenant/temporary_tables.hpp"

#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "shmem/sessions.hpp"
#include "shmem/transaction_ids.hpp"
#include "workers/database_task.hpp"
#include "workers/task_process.hpp"

namespace appinfra::temporary_tables
{

/* A session that has had temporary tables, and where they are. */
struct Session {
    int slot;
    int pid;
    Oid database;
    Oid schema;
    TransactionId oldest; /* as the task says; 0: it has none */
    bool seen;            /* its database was looked at */
};

/* An id that all temporary tables of a session are younger than, for all that is known. */
struct Bound {
    int pid;
    TransactionId id;
};

static Bound *bounds; /* by slot */

/* What is looked for, and where. */
struct Looks {
    std::span<Session> sessions;
    const database_task::Task *tasks;
};

static std::span<Session> old_sessions();
static bool may_be_old(const sessions::TenantProcess &process, TransactionId next, bool is_first);
static database_task::Task task_of(const Oid *database);
static void on_row(void *looks, size_t which, std::span<const char *const> fields);
static void on_failure(void *looks, size_t which, int code, const char *message);
static void look_inside(const Oid &database);

void
look()
{
    std::span<Session> sessions = old_sessions();
    if (sessions.empty())
        return;
    TransactionId next = ReadNextTransactionId();
    auto *tasks =
        static_cast<database_task::Task *>(palloc(sessions.size() * sizeof(database_task::Task)));
    size_t count = 0;

    for (Session &session : sessions) {
        bool planned = false;

        for (const database_task::Task &task : std::span(tasks, count))
            planned = planned || task.database == session.database;
        if (!planned)
            tasks[count++] = task_of(&session.database);
    }
    Looks looks = {.sessions = sessions, .tasks = tasks};
    in_transaction([&](MemoryContext) {
        database_task::run_all({tasks, count},
                               {.row = on_row, .failure = on_failure, .self = &looks});
    });
    for (const Session &session : sessions) {
        if (!session.seen)
            continue;
        transaction_ids::set_temporary(session.slot, session.pid, session.oldest);
        bounds[session.slot] = {.pid = session.pid,
                                .id = TransactionIdIsValid(session.oldest) ? session.oldest : next};
    }
}

/* Returns the sessions whose temporary tables may be old. */
static std::span<Session>
old_sessions()
{
    bool is_first = bounds == nullptr;
    TransactionId next = ReadNextTransactionId();
    std::span<sessions::TenantProcess> processes = sessions::tenant_processes();
    auto *found = static_cast<Session *>(palloc((processes.size() + 1) * sizeof(Session)));
    size_t count = 0;

    if (is_first)
        bounds = static_cast<Bound *>(
            MemoryContextAllocZero(TopMemoryContext, MaxBackends * sizeof(Bound)));
    for (const sessions::TenantProcess &process : processes) {
        const volatile PGPROC *proc = &ProcGlobal->allProcs[process.slot];
        Session session = {.slot = process.slot,
                           .pid = process.pid,
                           .database = proc->databaseId,
                           .schema = proc->tempNamespaceId,
                           .oldest = InvalidTransactionId,
                           .seen = true};

        if (OidIsValid(session.schema) && OidIsValid(session.database) &&
            may_be_old(process, next, is_first))
            found[count++] = session;
    }
    return {found, count};
}

/*
 * Tells whether the session may keep ids older than half of the limit. What is seen here for the
 * first time is young, unless this process is so, too.
 */
static bool
may_be_old(const sessions::TenantProcess &process, TransactionId next, bool is_first)
{
    Bound *bound = &bounds[process.slot];

    if (bound->pid != process.pid)
        *bound = {.pid = process.pid, .id = next};
    return settings::tenant_xid_age_limit > 0 &&
           (is_first || next - bound->id > static_cast<uint32>(settings::tenant_xid_age_limit) / 2);
}

static database_task::Task
task_of(const Oid *database)
{
    return {.name = "temporary tables",
            .entry_point = "appinfra_temporary_tables_main",
            .database = *database,
            .on_standby = false,
            .input = *database};
}

/* Takes the oldest id of a schema for that of the session whose schema it is. */
static void
on_row(void *self, size_t, std::span<const char *const> fields)
{
    Oid database = atooid(fields[0]);
    Oid schema = atooid(fields[1]);

    for (Session &session : static_cast<Looks *>(self)->sessions)
        if (session.database == database && session.schema == schema)
            session.oldest = static_cast<TransactionId>(strtoul(fields[2], nullptr, 10));
}

/* What was not seen now keeps what is known of it, and is asked for again by the next look. */
static void
on_failure(void *self, size_t which, int, const char *message)
{
    auto *looks = static_cast<Looks *>(self);

    for (Session &session : looks->sessions)
        if (session.database == looks->tasks[which].database)
            session.seen = false;
    ereport(LOG, (errmsg("appinfra could not look at temporary tables: %s", message)));
}

/* Sends each schema with temporary tables, and the oldest id that they keep. */
static void
look_inside(const Oid &)
{
    static query::Query oldest = {
        "SELECT DISTINCT ON (c.relnamespace) d.oid::text, c.relnamespace::oid::text,"
        "       c.relfrozenxid::text"
        "  FROM pg_catalog.pg_class c"
        "  JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()"
        " WHERE c.relpersistence = 't' AND c.relkind IN ('r', 'm', 't')"
        "   AND c.relfrozenxid <> '0'::xid"
        " ORDER BY c.relnamespace, pg_catalog.age(c.relfrozenxid) DESC"};

    in_transaction([](MemoryContext) {
        query::Rows rows = query::run(oldest);

        for (uint64 i = 0; i < rows.count; i++) {
            const char *fields[] = {rows.text(i, 1), rows.text(i, 2), rows.text(i, 3)};

            task_process::send_row(fields);
        }
    });
}

} // namespace appinfra::temporary_tables

using namespace appinfra;

/* The process of the task. */
void
appinfra_temporary_tables_main(Datum)
{
    task_process::serve(temporary_tables::look_inside);
}
