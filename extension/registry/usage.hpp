/*
 * Usage: the tables of what tenants use, which the meter alone writes (usage/meter.hpp).
 *
 * tenant_usage has a row for each tenant, rewritten when something has changed; usage_day one for
 * each tenant and day (UTC), for a month.
 */
#pragma once

#include "base/label.hpp"

namespace appinfra::usage
{

/* Where a tenant is with its disk limit: near from 80 % on. */
enum class DiskState : int { ok, near, over };

/* What the server's statistics count, which may begin anew. */
struct Counts {
    int64 transactions;
    int64 blocks_read;
    int64 blocks_hit;
    int64 temp_bytes;
    int64 deadlocks;

    bool operator==(const Counts &) const = default;
};

/* A row of tenant_usage. */
struct Row {
    int64 size; /* -1: not measured */
    int64 temporary;
    int32 connections;
    int32 locks;
    Counts counts;
    TimestampTz oldest_transaction; /* 0: none */
    TimestampTz last_login;         /* 0: never */
    int64 disk_limit;               /* bytes; 0: none */
    DiskState disk_state;

    bool operator==(const Row &) const = default;
};

/* A tenant as the registry has it, and its row of usage. */
struct Known {
    const char *db_id;
    Oid database;
    int64 disk_limit; /* its own, in bytes; -1: the host's */
    bool has_row;
    Row row;
};

/* Returns all tenants that are not dropped and whose database is there. */
std::span<Known> read_all();

/* Writes a tenant's row. */
void write(const char *db_id, const Row &row);

/* Adds to a tenant's row of today. */
void add_to_day(const char *db_id, const Row &row, int32 most_connections, const Counts &added);

/* Removes what is older than a month, and what dropped tenants have left. */
void remove_old();

/* Returns up to which row of the audit log logins were read; at first, the last there is. */
int64 read_progress();

/* A tenant's latest login. */
struct Login {
    const char *db_id;
    TimestampTz time;
};

/* Returns the logins in the audit log after that row, and moves it to the last one. */
std::span<Login> read_logins(int64 *progress);

/* Writes down that a round has ended, and what time of a processor it took. */
void end_round(double seconds, int64 progress);

} // namespace appinfra::usage
