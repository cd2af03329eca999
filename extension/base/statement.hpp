/*
 * Statement trees: their parts, and running them. For ddl.cpp and ddl_database.cpp only.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::statement
{

/* Runs one statement tree and makes its effect visible. */
void run(Node *statement, ProcessUtilityContext context = PROCESS_UTILITY_QUERY);

/* Runs a statement that PostgreSQL allows only outside a transaction block. */
void run_alone(Node *statement);

/* Renames a role or a database; labels one. */
void rename(ObjectType type, const char *from, const char *to);
void set_label(ObjectType type, const char *name, const char *text);

/* Parts of statements. */
AccessPriv *access(const char *name); /* a privilege, or a role that is granted */
RoleSpec *role_spec(const char *name);
DefElem *option(const char *name, Node *value);
Node *text_value(const char *text);

} // namespace appinfra::statement
