/* Sets up the inside of a database. See setup.hpp. */
#include "workers/setup.hpp"

#include "base/scope.hpp"
#include "guard/hardening_script.hpp"
#include "workers/task_process.hpp"

namespace appinfra::setup
{

static void carry_out(const Order &order);

Order
order_of(Job job, const char *name)
{
    Order order = {.job = job, .name = {}};

    strlcpy(order.name, name, sizeof(order.name));
    return order;
}

database_task::Task
task_of(const Order &order, Oid database)
{
    return {.name = "setup",
            .entry_point = "appinfra_setup_main",
            .database = database,
            .on_standby = false,
            .input = order};
}

/* Hardens, or dresses, or both, in one transaction that can be repeated as a whole. */
static void
carry_out(const Order &order)
{
    SetConfigOption("allow_system_table_mods", "on", PGC_SUSET, PGC_S_OVERRIDE);
    binary_upgrade_record_init_privs = true;
    in_transaction([&](MemoryContext) {
        if (order.job == Job::harden_tenant)
            hardening::check_event_triggers();
        if (const char *script = task_process::text())
            hardening::put_back(script);
        if (order.job != Job::dress_shell)
            hardening::harden_catalogs();
        if (order.job != Job::harden_template)
            hardening::dress(order.name);
    });
}

} // namespace appinfra::setup

using namespace appinfra;

/* The process of the task. */
void
appinfra_setup_main(Datum)
{
    task_process::serve(setup::carry_out);
}
