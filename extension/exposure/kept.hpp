/*
 * Kept looks: what the last look into each tenant's database has found (appinfra.look).
 *
 * A look is *due* when there is none, when it is older than appinfra.exposures_interval, when it
 * failed, or when something has changed since (audit/changes.hpp). Its *basis* is a digest of all
 * that its answer depends on, the numbers of rows that were ever changed in the database included:
 * while that is the same, no new look would find anything else.
 */
#pragma once

#include "exposure/look_inside.hpp"

namespace appinfra::exposure::kept
{

/* A database, and what is kept of it. */
struct Place {
    Look look;
    bool is_due;
    bool is_kept;
    TimestampTz checked_at; /* of what is kept */
    Datum found;            /* text[][], a row for each exposure */
    const char *failure;    /* null: the look succeeded */
};

/* Returns the tenant's place, or all tenants', those that are due first, the oldest before others.
 */
std::span<Place> places(const char *db_id);

/* Tells whether there is something for the inspector to do. */
bool has_due();

/* A database that the inspector is to look into. */
struct Due {
    Look look;
    const char *basis; /* before the look; null: not known */
    bool was_changed;  /* by an action, and so it comes first */
};

/*
 * Confirms what is kept of databases in which nothing has changed, and returns the first others, in
 * a memory context that outlives SPI.
 */
std::span<Due> next_due(int limit, MemoryContext memory);

/* What is noted as changed in a database, as a bigint[]. Read before the look. */
Datum changes_of(const char *db_id);

/* Keeps what a look has found. The changes that were noted before it are dealt with. */
void keep(const Due &due, Datum found, const char *failure, Datum changes);

} // namespace appinfra::exposure::kept
