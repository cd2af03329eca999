/*
 * Setup: runs the hardening scripts (hardening_script.hpp) inside databases of ours, as database
 * tasks. The template is hardened, a shell is dressed, a tenant's database gets both.
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

/* Returns the input of a job. The template has no group roles, so its name is not needed. */
Order order_of(Job job, const char *name = "");

/*
 * Returns the task that carries out the order in the database. Its text, if it is given one, is SQL
 * that is run first: it puts back what of the server's was changed there.
 */
database_task::Task task_of(const Order &order, Oid database);

} // namespace appinfra::setup

extern "C" {
PGDLLEXPORT void appinfra_setup_main(Datum argument);
}
