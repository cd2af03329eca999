/* Arguments and results of SQL entry points: NULL is refused by name, rows are formed by type. */
#pragma once

#include "delivery/connection_builder.hpp"

namespace appinfra::arguments
{

/* Raises 22004 when the argument is NULL. */
void require_argument(FunctionCallInfo fcinfo, int n, const char *name);

/* Returns a text argument; raises 22004 for NULL. */
const char *text_argument(FunctionCallInfo fcinfo, int n, const char *name);

/* Returns a text argument, or a null pointer for NULL. */
const char *optional_text(FunctionCallInfo fcinfo, int n);

/* Returns an interval from 0 on; raises 22004 for NULL, 22023 for a negative one. */
const Interval *duration_argument(FunctionCallInfo fcinfo, int n, const char *name);

/* Returns a lease of 1 s to 1 day; raises 22004 and 22023. */
const Interval *lease_argument(FunctionCallInfo fcinfo, int n);

/* Returns a row of the function's result type. */
Datum row(FunctionCallInfo fcinfo, const Datum *values, const bool *nulls);

/*
 * Begins a set that is the function's result; raises 0A000 where none is accepted. Beyond so many
 * kilobytes it spills to disk.
 */
ReturnSetInfo *begin_set(FunctionCallInfo fcinfo, const char *function, int kilobytes = work_mem);

/* Returns an appinfra.connection. */
Datum connection_row(FunctionCallInfo fcinfo, const connection_builder::Connection &connection);

} // namespace appinfra::arguments
