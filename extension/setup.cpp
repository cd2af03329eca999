/* The setup worker. See setup.hpp. */
#include "setup.hpp"

#include "hardening.hpp"
#include "scope.hpp"
#include "shared.hpp"
#include "worker.hpp"

namespace appinfra::setup
{

static void carry_out(const Order &order);

/* Hardens a template or dresses a shell in one transaction that can be repeated as a whole. */
static void
carry_out(const Order &order)
{
    SetConfigOption("allow_system_table_mods", "on", PGC_SUSET, PGC_S_OVERRIDE);
    binary_upgrade_record_init_privs = true;
    in_transaction([&](MemoryContext) {
        if (order.job == Job::harden_template)
            hardening::harden_catalogs();
        else
            hardening::dress(order.name);
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
            setup::carry_out(order);
    });
    if (failure == nullptr)
        shared::finish_job(order.orderer, 0, "");
    else
        shared::finish_job(order.orderer, failure->code, failure->message);
}
