/* The setup worker. See setup.hpp. */
#include "workers/setup.hpp"

#include "base/scope.hpp"
#include "guard/hardening_script.hpp"
#include "shmem/wakeup.hpp"
#include "workers/worker.hpp"

namespace appinfra::setup
{

static void carry_out(Job job, const char *name);

void
harden_tenant(const char *name)
{
    carry_out(Job::harden_tenant, name);
}

/* Hardens, or dresses, or both, in one transaction that can be repeated as a whole. */
static void
carry_out(Job job, const char *name)
{
    SetConfigOption("allow_system_table_mods", "on", PGC_SUSET, PGC_S_OVERRIDE);
    binary_upgrade_record_init_privs = true;
    in_transaction([&](MemoryContext) {
        if (job == Job::harden_tenant)
            hardening::check_event_triggers();
        if (job != Job::dress_shell)
            hardening::harden_catalogs();
        if (job != Job::harden_template)
            hardening::dress(name);
    });
}

} // namespace appinfra::setup

using namespace appinfra;

/* The process: one order, one transaction, one outcome. */
void
appinfra_setup_main(Datum)
{
    setup::Order order;

    memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(order));
    worker::begin(nullptr, order.database);
    const Failure *failure = attempt(TopMemoryContext, [&] {
        if (order.job == setup::Job::release_role)
            setup::release_role(order);
        else
            setup::carry_out(order.job, order.name);
    });
    if (failure == nullptr)
        wakeup::finish_job(order.orderer, 0, "");
    else
        wakeup::finish_job(order.orderer, failure->code, failure->message);
}
