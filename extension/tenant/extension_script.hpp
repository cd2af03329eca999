/*
 * The database task that runs an extension's script in a tenant's database (extensions.hpp).
 *
 * What is wrong it raises: 42710 the extension is there, 42P15 a schema is not safe, 42704 an
 * extension that it needs is missing, 42501 it brings what no tenant may have.
 */
#pragma once

#include "workers/database_task.hpp"

namespace appinfra::extension_script
{

/* The schema of extensions that bring none of their own. */
constexpr const char *common_schema = "extensions";

/* The input of the task. */
struct Order {
    char name[NAMEDATALEN];
    char version[NAMEDATALEN]; /* empty: the default one */
};

/* Returns the input; the version may be null. */
Order order_of(const char *name, const char *version);

/* Returns the task; its one row has the version and the schema. */
database_task::Task task_of(const Order &order, Oid database);

} // namespace appinfra::extension_script

extern "C" {
PGDLLEXPORT void appinfra_extension_main(Datum argument);
}
