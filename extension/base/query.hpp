/*
 * Queries on the registry: parameters in, cells out, plans kept for the life of the backend.
 *
 * Run inside with_spi(). Values always travel as parameters; no query text is ever assembled from
 * them. Cells are read from the result of the latest run and live until SPI is finished.
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
Arg int8(int64 value); /* negative: NULL; ids are positive */
Arg float8(double value);
Arg boolean(bool value);
Arg uuid(const pg_uuid_t *value);
Arg interval(const Interval *value);
Arg timestamp(Datum value, bool null);
Arg texts(Datum value);        /* a text[] */
Arg jsonb(const Jsonb *value); /* null pointer: NULL */

/* Runs the query and returns how many rows it touched or gave. */
uint64 run(Query &query, std::initializer_list<Arg> args = {});

char *text_at(uint64 row, int column); /* null pointer for NULL; any type, as its output */
int64 int8_at(uint64 row, int column); /* 0 for NULL */
int32 int4_at(uint64 row, int column);
Oid oid_at(uint64 row, int column);
bool bool_at(uint64 row, int column);
bool is_null_at(uint64 row, int column);
Datum datum_at(uint64 row, int column, bool *null);

} // namespace appinfra::query
