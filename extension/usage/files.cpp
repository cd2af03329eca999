/* Adds up the sizes of files. See files.hpp. */
#include "usage/files.hpp"

#include <sys/stat.h>

namespace appinfra::usage
{

template <typename Visit> static void visit_directory(const char *path, Visit visit);
template <typename Visit> static void visit_tablespaces(Visit visit);
static int64 bytes_in(const char *path);
static int pid_of(const char *file);

int64
size_of_files(Oid database)
{
    char path[MAXPGPATH];

    snprintf(path, sizeof(path), "base/%u", database);
    int64 total = bytes_in(path);
    visit_tablespaces([&](const char *tablespace) {
        char there[MAXPGPATH];

        snprintf(there, sizeof(there), "%s/%u", tablespace, database);
        total += bytes_in(there);
    });
    return total;
}

void
visit_temporary_files(void (*visit)(void *self, int pid, int64 bytes), void *self)
{
    const auto visit_place = [&](const char *place) {
        char path[MAXPGPATH];

        snprintf(path, sizeof(path), "%s/%s", place, PG_TEMP_FILES_DIR);
        visit_directory(path, [&](const char *name, const struct stat &file) {
            char inner[MAXPGPATH];
            int pid = pid_of(name);

            if (pid == 0)
                return;
            if (snprintf(inner, sizeof(inner), "%s/%s", path, name) >=
                static_cast<int>(sizeof(inner)))
                return;
            /* what parallel workers share is a folder */
            visit(self, pid, S_ISDIR(file.st_mode) ? bytes_in(inner) : file.st_size);
        });
    };

    visit_place("base");
    visit_tablespaces(visit_place);
}

/* Calls visit() with the folder of this server in each tablespace that is not a default one. */
template <typename Visit>
static void
visit_tablespaces(Visit visit)
{
    visit_directory("pg_tblspc", [&](const char *name, const struct stat &) {
        char path[MAXPGPATH];

        snprintf(path, sizeof(path), "pg_tblspc/%s/%s", name, TABLESPACE_VERSION_DIRECTORY);
        visit(path);
    });
}

static int64
bytes_in(const char *path)
{
    int64 total = 0;

    visit_directory(path, [&](const char *, const struct stat &file) { total += file.st_size; });
    return total;
}

/* Calls visit() with what is in a folder. What goes away meanwhile, or is not there, is nothing. */
template <typename Visit>
static void
visit_directory(const char *path, Visit visit)
{
    DIR *directory = AllocateDir(path);
    struct stat file;

    if (directory == nullptr)
        return;
    while (const struct dirent *entry = ReadDirExtended(directory, path, LOG)) {
        CHECK_FOR_INTERRUPTS();
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            fstatat(dirfd(directory), entry->d_name, &file, 0) == 0)
            visit(entry->d_name, file);
    }
    FreeDir(directory);
}

/* Returns whose a temporary file is by its name, pgsql_tmp1234.5; 0: nobody's. */
static int
pid_of(const char *file)
{
    size_t prefix = strlen(PG_TEMP_FILE_PREFIX);

    return strncmp(file, PG_TEMP_FILE_PREFIX, prefix) == 0 ? atoi(file + prefix) : 0;
}

} // namespace appinfra::usage
