/*
 * Databases as files: choosing an OID that is free on disk as well, and removing what a crash left.
 *
 * CREATE DATABASE that is killed in the middle leaves a directory that PostgreSQL never removes. So
 * the OID is chosen and recorded first; afterwards that directory, and only that, may be removed.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::database_files
{

/* Returns an OID that no database and no directory has. Inside a transaction. */
Oid choose_oid();

/* Tells whether the database exists. */
bool exists(Oid database);

/*
 * Removes the directory of a database that was never committed, here and on standbys. False when
 * there is none. Outside a transaction.
 */
bool remove_leftover(Oid database);

} // namespace appinfra::database_files
