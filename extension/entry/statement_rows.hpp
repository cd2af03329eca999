/*
 * Rows of pg_stat_statements, of one database: what tenant_statements() tells tenants and
 * appinfra.statements() tells the platform.
 *
 * Its function runs as superuser, by its address and not by a name of this database.
 */
#pragma once

#include "base/label.hpp"

namespace appinfra::statement_rows
{

/*
 * Makes the function's result of the rows of a database whose role is visible. Its columns are
 * those of the library's version 1.9. Raises 55000 where the library does not count.
 */
void add(FunctionCallInfo fcinfo, const char *function, Oid database,
         bool (*is_visible)(Oid role, const label::Label &mine), const label::Label &mine);

} // namespace appinfra::statement_rows
