/* Reads the statistics of a database. See database_counts.hpp. */
#include "usage/database_counts.hpp"

namespace appinfra::usage
{

Counts
database_counts(Oid database)
{
    const PgStat_StatDBEntry *entry = pgstat_fetch_stat_dbentry(database);

    if (entry == nullptr)
        return {};
#if PG_VERSION_NUM >= 160000
    return {.transactions = entry->xact_commit + entry->xact_rollback,
            .blocks_read = entry->blocks_fetched - entry->blocks_hit,
            .blocks_hit = entry->blocks_hit,
            .temp_bytes = entry->temp_bytes,
            .deadlocks = entry->deadlocks};
#else
    return {.transactions = entry->n_xact_commit + entry->n_xact_rollback,
            .blocks_read = entry->n_blocks_fetched - entry->n_blocks_hit,
            .blocks_hit = entry->n_blocks_hit,
            .temp_bytes = entry->n_temp_bytes,
            .deadlocks = entry->n_deadlocks};
#endif
}

} // namespace appinfra::usage
