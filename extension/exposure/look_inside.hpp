/*
 * Looking inside: a database task that runs the rules there and sends back their rows.
 */
#pragma once

#include "base/label.hpp"
#include "workers/database_task.hpp"

namespace appinfra::exposure
{

/* The input of the task. */
struct Look {
    Oid database;
    char name[NAMEDATALEN];        /* of the database */
    char db_id[label::word_limit]; /* empty: it is no tenant's */
    char login_group[NAMEDATALEN]; /* whom DATABASE_URL enters as; empty: nobody */
    char system_digest[33];        /* of the template's definitions; empty: do not compare */
};

/* Returns the task of looking. On a standby, too. */
database_task::Task task_of(const Look &look);

} // namespace appinfra::exposure

extern "C" {
PGDLLEXPORT void appinfra_look_main(Datum argument);
}
