/*
 * Files: how much disk a database takes. All of its files count, of every tablespace: tables,
 * indexes, large objects, unlogged and temporary tables; and what sessions sort and hash on disk.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::usage
{

/* Returns the bytes of a database's files; 0: it is not there (any more). */
int64 size_of_files(Oid database);

/* Calls visit() with each temporary file of a process and its bytes. */
void visit_temporary_files(void (*visit)(void *self, int pid, int64 bytes), void *self);

} // namespace appinfra::usage
