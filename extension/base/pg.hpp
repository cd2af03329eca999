/*
 * The only includer of PostgreSQL's headers, and the only place that knows how majors differ.
 *
 * Backend code is C that reports errors by longjmp: every file that includes this one keeps to the
 * rule of the house: no destructor does work, no exception, nothing from the C++ run time.
 */
#pragma once

/* 15 leaves PGDLLEXPORT empty; with hidden visibility _PG_init would then never be found. */
#define PGDLLEXPORT __attribute__((visibility("default")))

extern "C" {
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/twophase.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xloginsert.h"
#include "catalog/binary_upgrade.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_control.h"
#include "catalog/pg_database.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_shseclabel.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_type.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_range.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_statistic_ext_data.h"
#include "catalog/pg_trigger.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_language.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_conversion.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_subscription.h"
#include "catalog/pg_user_mapping.h"
#include "catalog/objectaddress.h"
#include "commands/async.h"
#include "commands/defrem.h"
#include "commands/proclang.h"
#include "executor/executor.h"
#include "parser/parse_func.h"
#include "parser/parse_type.h"
#include "utils/lsyscache.h"
#include "commands/dbcommands.h"
#include "commands/dbcommands_xlog.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "commands/seclabel.h"
#include "commands/trigger.h"
#include "common/controldata_utils.h"
#include "common/cryptohash.h"
#include "common/file_utils.h"
#include "common/hashfn.h"
#include "common/ip.h"
#include "common/md5.h"
#include "common/sha2.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "libpq/auth.h"
#include "libpq/crypt.h"
#include "libpq/libpq-be.h"
#include "libpq/pqformat.h"
#include "common/scram-common.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/bgwriter.h"
#include "postmaster/interrupt.h"
#include "postmaster/postmaster.h"
#include "replication/walsender.h"
#include "replication/logicalworker.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "storage/predicate_internals.h"
#include "storage/condition_variable.h"
#include "storage/dsm.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/md.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/sinvaladt.h"
#include "storage/procsignal.h"
#include "storage/shm_mq.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/portal.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "utils/wait_event.h"
}

/* Declares an SQL entry point; 15's own macro leaves the function itself hidden. */
#define SQL_FUNCTION(name)                                                                         \
    PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                                      \
    PG_FUNCTION_INFO_V1(name)

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

namespace pg
{

/* Returns the number of a process's slot among all. */
inline int
number_of(const PGPROC *process)
{
    return static_cast<int>(process - ProcGlobal->allProcs);
}

/* A transaction as the file of a snapshot is named that it has exported. */
struct Exporter {
    unsigned process;
    unsigned transaction;
};

/* Returns what the process would export a snapshot as now. */
inline Exporter
exporter(const PGPROC *process)
{
#if PG_VERSION_NUM >= 170000
    return {static_cast<unsigned>(process->vxid.procNumber), process->vxid.lxid};
#else
    return {static_cast<unsigned>(process->backendId), process->lxid};
#endif
}

/* Returns the number of this session's current transaction. */
inline LocalTransactionId
local_transaction()
{
#if PG_VERSION_NUM >= 170000
    return MyProc->vxid.lxid;
#else
    return MyProc->lxid;
#endif
}

/* Returns the number of a process's transaction; invalid: it has none. */
inline LocalTransactionId
transaction_of(const volatile PGPROC *process)
{
#if PG_VERSION_NUM >= 170000
    return process->vxid.lxid;
#else
    return process->lxid;
#endif
}

/* Tells whether the current transaction holds the lock. */
inline bool
holds_lock(const LOCKTAG &tag, LOCKMODE mode)
{
#if PG_VERSION_NUM >= 170000
    return LockHeldByMe(&tag, mode, false);
#else
    return LockHeldByMe(&tag, mode);
#endif
}

/* Returns the process that runs the transaction; null when there is none any more. */
inline PGPROC *
process_of(const VirtualTransactionId &transaction)
{
#if PG_VERSION_NUM >= 170000
    return ProcNumberGetProc(transaction.procNumber);
#else
    return BackendIdGetProc(transaction.backendId);
#endif
}

/* Returns the status of the backend of this index, from 1 on; what it says is of this moment. */
inline const PgBackendStatus *
backend_status(int index)
{
#if PG_VERSION_NUM >= 160000
    LocalPgBackendStatus *local = pgstat_get_local_beentry_by_index(index);
#else
    LocalPgBackendStatus *local = pgstat_fetch_stat_local_beentry(index);
#endif
    return local != nullptr ? &local->backendStatus : nullptr;
}

/* Tells whether so many connections are free beyond those that PostgreSQL itself reserves. */
inline bool
has_free_connections(int wanted)
{
#if PG_VERSION_NUM >= 160000
    int free;

    return HaveNFreeProcs(SuperuserReservedConnections + ReservedConnections + wanted, &free);
#else
    return HaveNFreeProcs(ReservedBackends + wanted);
#endif
}

/* What a query needs to do with one relation, as the executor's permission check is told. */
#if PG_VERSION_NUM >= 160000
using RelationNeed = RTEPermissionInfo;
#define EXECUTOR_CHECK_PARAMETERS List *range_table, List *needs, bool raises
#define EXECUTOR_CHECK_ARGUMENTS range_table, needs, raises
#define EXECUTOR_CHECK_TABLES range_table
#else
using RelationNeed = RangeTblEntry;
#define EXECUTOR_CHECK_PARAMETERS List *needs, bool raises
#define EXECUTOR_CHECK_ARGUMENTS needs, raises
#define EXECUTOR_CHECK_TABLES needs
#endif

inline bool
is_of_relation(const RelationNeed *need)
{
#if PG_VERSION_NUM >= 160000
    return OidIsValid(need->relid);
#else
    return need->rtekind == RTE_RELATION;
#endif
}

/* Returns what the query itself needs to do, its subqueries aside. */
inline const List *
needs_of(const Query *query)
{
#if PG_VERSION_NUM >= 160000
    return query->rteperminfos;
#else
    return query->rtable;
#endif
}

/* Returns the server's own settings and those of libraries that were loaded so far. */
inline std::span<config_generic *>
all_settings()
{
#if PG_VERSION_NUM >= 160000
    int count;
    config_generic **settings = get_guc_variables(&count);

    return {settings, static_cast<size_t>(count)};
#else
    return {get_guc_variables(), static_cast<size_t>(GetNumConfigOptions())};
#endif
}

/* Returns a copy of a text as settings keep it beside their value; null: no memory is left. */
inline char *
guc_copy(const char *text)
{
#if PG_VERSION_NUM >= 160000
    return guc_strdup(LOG, text);
#else
    return strdup(text);
#endif
}

/* Tells whether the current user has the right to execute the function. */
inline bool
may_execute(Oid function)
{
#if PG_VERSION_NUM >= 160000
    return object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK;
#else
    return pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

} // namespace pg
