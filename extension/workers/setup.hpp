/*
 * Setup: what a new or an older database of ours gets inside (hardening_script.hpp), as database
 * tasks: the template is hardened, a shell is dressed, a tenant's database gets both.
 */
#pragma once

#include "workers/database_task.hpp"

namespace appinfra::setup
{

enum class Job : int { harden_template = 1, dress_shell = 2, harden_tenant = 3 };

/* The input of the task. */
struct Order {
    Job job;
    char name[NAMEDATALEN]; /* of the database: prefix of its group roles */
};

/* Returns what is to be done. The template has no group roles: its name does not matter. */
Order order_of(Job job, const char *name = "");

/* Returns the task that carries out the order in the database. */
database_task::Task task_of(const Order &order, Oid database);

} // namespace appinfra::setup

extern "C" {
PGDLLEXPORT void appinfra_setup_main(Datum argument);
}
