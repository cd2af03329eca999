/* Looks at signal files and at the history of timelines. See recovery.hpp. */
#include "delivery/recovery.hpp"

#include <cstdio>
#include <unistd.h>

namespace appinfra::recovery
{

constexpr const char *file_name = "appinfra.recovery"; /* in the data directory */
constexpr const char *standby = "standby";
constexpr const char *archive = "archive";
constexpr const char *no_target = "no recovery target specified"; /* as the server writes it */

static shmem_startup_hook_type next_shmem_startup;

static void startup();
static bool exists(const char *name);
static void write_file(const char *text);
static const char *reason_in(char *line, TimeLineID timeline);

void
define()
{
    next_shmem_startup = shmem_startup_hook;
    shmem_startup_hook = startup;
}

/* In the postmaster, before recovery begins. A crash restart finds no signal file and keeps ours.
 */
static void
startup()
{
    if (next_shmem_startup)
        next_shmem_startup();
    if (IsUnderPostmaster)
        return;
    if (exists("standby.signal"))
        write_file(standby);
    else if (exists("recovery.signal"))
        write_file(archive);
}

Kind
kind()
{
    char text[16] = {};
    FILE *file = AllocateFile(file_name, PG_BINARY_R);

    if (file == nullptr)
        return Kind::none;
    size_t length = fread(text, 1, sizeof(text) - 1, file);
    FreeFile(file);
    text[length] = '\0';
    return strcmp(text, standby) == 0 ? Kind::standby : Kind::archive;
}

/* A history that is missing may have had a target. */
const char *
target_since(TimeLineID timeline)
{
    char path[MAXPGPATH];
    char line[MAXPGPATH];
    const char *target = nullptr;

    TLHistoryFilePath(path, GetWALInsertionTimeLine());
    FILE *file = AllocateFile(path, "r");
    if (file == nullptr)
        return "unknown: the history file of the timeline is missing";
    while (target == nullptr && fgets(line, sizeof(line), file) != nullptr)
        target = reason_in(line, timeline);
    FreeFile(file);
    return target;
}

void
forget()
{
    if (unlink(file_name) != 0 && errno != ENOENT)
        ereport(LOG, (errcode_for_file_access(), errmsg("could not remove \"%s\": %m", file_name)));
}

/*
 * Returns the target in a line of a history file: a timeline, where it was left, and why, with tabs
 * between them. A null pointer: none, or of a timeline before that one.
 */
static const char *
reason_in(char *line, TimeLineID timeline)
{
    char *rest;
    unsigned long left = strtoul(line, &rest, 10);
    char *reason = strrchr(line, '\t');

    if (rest == line || left < timeline || reason == nullptr)
        return nullptr;
    reason++;
    reason[strcspn(reason, "\n")] = '\0';
    return strcmp(reason, no_target) == 0 ? nullptr : pstrdup(reason);
}

/* The postmaster and all its processes are in the data directory. */
static bool
exists(const char *name)
{
    return access(name, F_OK) == 0;
}

/* Where this fails the recovery counts as none: a promoted standby may then be taken for a copy. */
static void
write_file(const char *text)
{
    FILE *file = AllocateFile(file_name, PG_BINARY_W);

    if (file == nullptr || fputs(text, file) < 0 || fflush(file) != 0 ||
        pg_fsync(fileno(file)) != 0)
        ereport(LOG, (errcode_for_file_access(), errmsg("could not write \"%s\": %m", file_name)));
    if (file != nullptr)
        FreeFile(file);
}

} // namespace appinfra::recovery
