/*
 * The SQL entry point that shows what tenants take and keep of transaction ids, thin: one row for
 * each tenant that has sessions, from shared memory.
 */
#include "base/installation.hpp"
#include "base/settings.hpp"
#include "entry/arguments.hpp"
#include "guard/xid_age.hpp"
#include "shmem/transaction_ids.hpp"

using namespace appinfra;
using namespace appinfra::arguments;

extern "C" {
SQL_FUNCTION(appinfra_xid_use);
}

/* What all sessions of a tenant take and keep. */
struct XidUse {
    char db_id[label::word_limit];
    int pid; /* of the session that keeps the oldest id */
    int64 age;
    int64 rate;
};

static std::span<XidUse> use_of_tenants();
static XidUse *use_of(XidUse *uses, size_t *count, const char *db_id);

Datum
appinfra_xid_use(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    ReturnSetInfo *result = begin_set(fcinfo, "xid_use()");

    if (RecoveryInProgress())
        return static_cast<Datum>(0);
    for (const XidUse &use : use_of_tenants()) {
        Datum values[] = {
            CStringGetTextDatum(use.db_id), Int32GetDatum(use.pid),
            Int64GetDatum(use.age),         Int64GetDatum(settings::tenant_xid_age_limit),
            Int64GetDatum(use.rate),        Int64GetDatum(settings::tenant_xid_rate)};
        bool nulls[lengthof(values)] = {};

        nulls[1] = use.age == 0;
        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    }
    return static_cast<Datum>(0);
}

static std::span<XidUse>
use_of_tenants()
{
    TransactionId running = watchdog::oldest_running();
    std::span<sessions::TenantProcess> processes = sessions::tenant_processes();
    auto *uses = static_cast<XidUse *>(palloc0((processes.size() + 1) * sizeof(XidUse)));
    size_t count = 0;

    for (const sessions::TenantProcess &process : processes) {
        XidUse *use = use_of(uses, &count, process.db_id);
        int64 age = watchdog::kept_age(process, running);

        use->rate += transaction_ids::rate(process.slot, process.pid);
        if (age > use->age) {
            use->age = age;
            use->pid = process.pid;
        }
    }
    return {uses, count};
}

/* Returns the entry of the tenant, a new one if there is none. */
static XidUse *
use_of(XidUse *uses, size_t *count, const char *db_id)
{
    for (XidUse &use : std::span(uses, *count))
        if (strcmp(use.db_id, db_id) == 0)
            return &use;
    XidUse *fresh = &uses[(*count)++];
    strlcpy(fresh->db_id, db_id, sizeof(fresh->db_id));
    return fresh;
}
