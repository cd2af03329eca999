/* OIDs and directories of databases. See database_files.hpp. */
#include "pool/database_files.hpp"

#include "base/scope.hpp"

#include <sys/stat.h>

namespace appinfra::database_files
{

static bool has_directory(Oid database);
static void log_removal(Oid database);

Oid
choose_oid()
{
    Relation relation = table_open(DatabaseRelationId, AccessShareLock);
    Oid chosen;

    do
        chosen = GetNewOidWithIndex(relation, DatabaseOidIndexId, Anum_pg_database_oid);
    while (has_directory(chosen));
    table_close(relation, AccessShareLock);
    return chosen;
}

bool
exists(Oid database)
{
    bool found = false;

    in_transaction([&](MemoryContext) { found = get_database_name(database) != nullptr; });
    return found;
}

bool
remove_leftover(Oid database)
{
    if (!has_directory(database))
        return false;
    /* As DROP DATABASE does: nothing may write to the files or read from stale buffers later. */
    DropDatabaseBuffers(database);
    ForgetDatabaseSyncRequests(database);
    RequestCheckpoint(CHECKPOINT_IMMEDIATE | CHECKPOINT_FORCE | CHECKPOINT_WAIT);
    WaitForProcSignalBarrier(EmitProcSignalBarrier(PROCSIGNAL_BARRIER_SMGRRELEASE));
    char *path = GetDatabasePath(database, DEFAULTTABLESPACE_OID);
    if (!rmtree(path, true))
        ereport(WARNING,
                (errmsg("some useless files may be left behind in directory \"%s\"", path)));
    log_removal(database);
    ereport(LOG, (errmsg("removed directory \"%s\" of a database whose creation was interrupted",
                         path)));
    return true;
}

static bool
has_directory(Oid database)
{
    struct stat status;

    return stat(GetDatabasePath(database, DEFAULTTABLESPACE_OID), &status) == 0;
}

/* Writes the WAL record by which standbys remove the directory too. */
static void
log_removal(Oid database)
{
    xl_dbase_drop_rec record = {.db_id = database, .ntablespaces = 1};
    Oid tablespace = DEFAULTTABLESPACE_OID;

    XLogBeginInsert();
    XLogRegisterData(reinterpret_cast<char *>(&record), MinSizeOfDbaseDropRec);
    XLogRegisterData(reinterpret_cast<char *>(&tablespace), sizeof(tablespace));
    XLogInsert(RM_DBASE_ID, XLOG_DBASE_DROP | XLR_SPECIAL_REL_UPDATE);
}

} // namespace appinfra::database_files
