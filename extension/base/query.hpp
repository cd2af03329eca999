/*
 * Queries on the registry: parameters in, rows out, plans kept for the life of the backend.
 *
 * Run inside with_spi(). Values always travel as parameters; no query text is ever assembled from
 * them. Each run returns its own rows; they live until SPI is finished.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::query
{

/* A statement with its kept plan. Define it static: {"SELECT …"}. */
struct Query {
    const char *sql;
    SPIPlanPtr plan = nullptr;
};

struct Arg {
    Oid type;
    Datum value;
    bool null;
};

Arg text(const char *value); /* null pointer: NULL */
Arg oid(Oid value);
Arg int4(int32 value);
Arg int8(int64 value);
Arg id(int64 value); /* 0: NULL; ids are positive */
Arg float8(double value);
Arg boolean(bool value);
Arg uuid(const pg_uuid_t *value);
Arg interval(const Interval *value);
Arg timestamp(std::optional<TimestampTz> value);
Arg texts(Datum value);        /* a text[] */
Arg jsonb(const Jsonb *value); /* null pointer: NULL */
Arg bytes(const bytea *value); /* null pointer: NULL */
Arg xid8(std::optional<FullTransactionId> value);

/*
 * What one run of a query gave. Columns count from 1, rows from 0. NULL is a null pointer, 0, an
 * invalid OID or false.
 */
struct Rows {
    uint64 count; /* of rows that the query gave or, without RETURNING, touched */
    SPITupleTable *table;

    char *text(uint64 row, int column) const; /* any type, as its output */
    int64 int8(uint64 row, int column) const;
    int32 int4(uint64 row, int column) const;
    Oid oid(uint64 row, int column) const;
    bool boolean(uint64 row, int column) const;
    bool is_null(uint64 row, int column) const;
    Datum datum(uint64 row, int column) const;
};

/* Runs the query and returns its rows. */
Rows run(Query &query, std::initializer_list<Arg> args = {});

/* Executes one statement, or a script, that has no parameters; raises XX000 when SPI refuses it. */
Rows execute(const char *sql);

/* Returns what `make` makes of each row number, in the current memory context. */
template <typename Item, typename Make>
std::span<Item>
collect(const Rows &rows, Make make)
{
    auto *items = static_cast<Item *>(palloc((rows.count + 1) * sizeof(Item)));

    for (uint64 i = 0; i < rows.count; i++)
        items[i] = make(i);
    return {items, rows.count};
}

} // namespace appinfra::query
