/*
 * Release: a role that is to be dropped lets go of what one database knows of it, as a database
 * task. Its objects go to its heir, and its privileges there are revoked.
 */
#pragma once

#include "base/label.hpp"
#include "workers/database_task.hpp"

namespace appinfra::release
{

/* The input of the task. */
struct Order {
    Oid role;                      /* to be released */
    Oid heir;                      /* gets what the role owns; 0: it owns nothing */
    Oid successor;                 /* takes its place in policies; 0: nobody does */
    bool is_own;                   /* the database is that of the role's tenant */
    char db_id[label::word_limit]; /* of that tenant */
};

/* Returns the task that carries out the order in the database. */
database_task::Task task_of(const Order &order, Oid database);

} // namespace appinfra::release

extern "C" {
PGDLLEXPORT void appinfra_release_main(Datum argument);
}
