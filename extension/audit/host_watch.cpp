/* Notices a switched guard and a missing library. See host_watch.hpp. */
#include "audit/host_watch.hpp"

#include "audit/audit.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"

#include <cstdio>
#include <unistd.h>

namespace appinfra::host_watch
{

constexpr const char *file_name = "appinfra.run"; /* in the data directory */
constexpr const char *running = "running";
constexpr size_t text_limit = 128;

static bool ran_without_us; /* between the last run that we know of and this one */

static shmem_startup_hook_type next_shmem_startup;

static void startup();
static void begin_run();
static bool is_copy();
static bool describe_control_file(char *text, DBState *state);
static bool read_file(char *text);
static void write_file(const char *text);
static void end_run(int code, Datum argument);
static void look_at_guard();
static void look_at_run();

void
define()
{
    next_shmem_startup = shmem_startup_hook;
    shmem_startup_hook = startup;
}

void
look()
{
    in_transaction([](MemoryContext) {
        look_at_guard();
        look_at_run();
    });
}

/* Begins a run whenever the postmaster makes the shared memory: at its start and after a crash. */
static void
startup()
{
    if (next_shmem_startup)
        next_shmem_startup();
    if (!IsUnderPostmaster)
        begin_run();
}

/* Compares what the last run has left with the control file, and marks the file as in use. */
static void
begin_run()
{
    char left[text_limit];
    char now[text_limit];
    DBState state;

    if (read_file(left) && describe_control_file(now, &state) && !is_copy())
        ran_without_us = strcmp(left, running) == 0
                             ? state == DB_SHUTDOWNED /* had we stopped it, we had written that */
                             : strcmp(left, now) != 0;
    write_file(running);
    on_shmem_exit(end_run, 0);
}

/* A restored backup or a standby brings along what another server has left. */
static bool
is_copy()
{
    for (const char *name : {"backup_label", "standby.signal", "recovery.signal"}) {
        char path[MAXPGPATH];

        snprintf(path, sizeof(path), "%s/%s", DataDir, name);
        if (access(path, F_OK) == 0)
            return true;
    }
    return false;
}

/* Every start and every stop of a server changes at least one of these. */
static bool
describe_control_file(char *text, DBState *state)
{
    bool intact;
    ControlFileData *control = get_controlfile(DataDir, &intact);

    *state = control->state;
    snprintf(text, text_limit, UINT64_FORMAT " %d " UINT64_FORMAT " " INT64_FORMAT,
             control->system_identifier, static_cast<int>(control->state), control->checkPoint,
             static_cast<int64>(control->time));
    pfree(control);
    return intact;
}

static bool
read_file(char *text)
{
    char path[MAXPGPATH];

    snprintf(path, sizeof(path), "%s/%s", DataDir, file_name);
    FILE *file = AllocateFile(path, PG_BINARY_R);
    if (file == nullptr)
        return false;
    size_t length = fread(text, 1, text_limit - 1, file);
    FreeFile(file);
    text[length] = '\0';
    return length > 0;
}

/* Where this fails the next start says that the library was missing; better that than not. */
static void
write_file(const char *text)
{
    char path[MAXPGPATH];

    snprintf(path, sizeof(path), "%s/%s", DataDir, file_name);
    FILE *file = AllocateFile(path, PG_BINARY_W);
    if (file == nullptr || fputs(text, file) < 0 || fflush(file) != 0 ||
        pg_fsync(fileno(file)) != 0)
        ereport(LOG, (errcode_for_file_access(), errmsg("could not write \"%s\": %m", path)));
    if (file != nullptr)
        FreeFile(file);
}

/* In the postmaster, when all its children have ended: after the last checkpoint. */
static void
end_run(int code, Datum)
{
    char text[text_limit];
    DBState state;

    if (code == 0 && describe_control_file(text, &state))
        write_file(text);
}

/* The first look of an installation takes the guard as it is. */
static void
look_at_guard()
{
    static query::Query changed = {
        "UPDATE appinfra.host h SET guard = $1"
        "  FROM (SELECT guard AS former FROM appinfra.host) f WHERE guard IS DISTINCT FROM $1"
        " RETURNING f.former"};
    const char *now = GetConfigOption("appinfra.guard", true, false);

    if (now == nullptr)
        return;
    query::Rows former = query::run(changed, {query::text(now)});
    if (former.count > 0 && !former.is_null(0, 1))
        audit::record("switch_guard", nullptr, nullptr,
                      audit::detail({{"from", former.text(0, 1)}, {"to", now}}));
}

/* Once in a run of the server. */
static void
look_at_run()
{
    static query::Query first = {"UPDATE appinfra.host SET started_at = $1"
                                 " WHERE started_at IS DISTINCT FROM $1"};

    if (query::run(first, {query::timestamp(PgStartTime)}).count > 0 && ran_without_us)
        audit::record("preload_missing", nullptr, nullptr);
}

} // namespace appinfra::host_watch
