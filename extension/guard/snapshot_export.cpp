/* Counts exported snapshots. See snapshot_export.hpp. */
#include "guard/snapshot_export.hpp"

#include "base/label.hpp"
#include "guard/guard.hpp"

#include <cstdio>

namespace appinfra
{

constexpr const char *directory = "pg_snapshots"; /* in the data directory */
constexpr int session_limit = 16;
constexpr int tenant_limit = 64;

/* Calls the body with the exporter of each snapshot that is exported on this host just now. */
template <typename Body>
static void
for_each_snapshot(Body body)
{
    DIR *open = AllocateDir(directory);

    if (open == nullptr)
        return;
    while (const dirent *entry = ReadDirExtended(open, directory, LOG)) {
        pg::Exporter exporter;

        if (sscanf(entry->d_name, "%8X-%8X-", &exporter.process, &exporter.transaction) == 2)
            body(exporter);
    }
    FreeDir(open);
}

static bool
is_same(const pg::Exporter &one, const pg::Exporter &other)
{
    return one.process == other.process && one.transaction == other.transaction;
}

} // namespace appinfra

namespace appinfra::guard
{

static constexpr Rule rule = {"snapshot_export",
                              "Snapshots are exported by owners and services, 16 in a session and "
                              "64 in all sessions of a tenant at most: each is a file."};
static constexpr const char *object = "function pg_export_snapshot";

static ExecutorFinish_hook_type next_executor_finish;
static bool exports; /* this process has been asked to export one since it last had none */

/* What is exported just now. */
struct Exported {
    int by_session;
    int by_tenant;
};

static void executor_finish(QueryDesc *query);
static bool may_export();
static Exported count_exported();
static void refuse_more(int exported, int limit, const char *by);

void
define_snapshot_export()
{
    next_executor_finish = ExecutorFinish_hook;
    ExecutorFinish_hook = executor_finish;
}

void
check_snapshot_export()
{
    if (!may_export())
        refuse(rule, object);
    Exported now = count_exported();
    exports = true;
    refuse_more(now.by_session + 1, session_limit, "session");
    refuse_more(now.by_tenant + 1, tenant_limit, "tenant");
}

void
check_exported_snapshots()
{
    if (likely(!exports) || !IsTransactionState() || !is_active())
        return;
    Exported now = count_exported();
    exports = now.by_session > 0;
    refuse_more(now.by_session, session_limit, "session");
    if (exports)
        refuse_more(now.by_tenant, tenant_limit, "tenant");
}

static void
executor_finish(QueryDesc *query)
{
    if (next_executor_finish != nullptr)
        next_executor_finish(query);
    else
        standard_ExecutorFinish(query);
    check_exported_snapshots();
}

/* Tells whether the session's user, or where that is no tenant's the current one, may export. */
static bool
may_export()
{
    label::Label label;
    Oid role = is_session_of_tenant() ? GetAuthenticatedUserId() : GetUserId();

    return !IsParallelWorker() && label::of_role(role, &label) &&
           (strcmp(label.detail, "owner") == 0 || strcmp(label.detail, "service") == 0);
}

/* Counts the snapshots of this transaction, and those of all sessions of the same tenant. */
static Exported
count_exported()
{
    pg::Exporter own = pg::exporter(MyProc);
    std::span<sessions::TenantProcess> processes = sessions::tenant_processes();
    Exported exported = {.by_session = 0, .by_tenant = 0};
    const char *db_id = guarded_tenant();

    for_each_snapshot([&](const pg::Exporter &exporter) {
        exported.by_session += is_same(exporter, own) ? 1 : 0;
        exported.by_tenant += is_same(exporter, own) ? 1 : 0;
        for (const sessions::TenantProcess &process : processes)
            if (process.pid != MyProcPid && db_id != nullptr && strcmp(process.db_id, db_id) == 0 &&
                is_same(exporter, pg::exporter(&ProcGlobal->allProcs[process.slot])))
                exported.by_tenant++;
    });
    return exported;
}

static void
refuse_more(int exported, int limit, const char *by)
{
    if (exported <= limit || !records_refusal(rule, object))
        return;
    ereport(ERROR, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
                    errmsg("too many exported snapshots of this %s", by),
                    errdetail("Rule \"%s\": %s", rule.name, rule.reason),
                    errhint("End the transactions that have exported some. Sessions that import "
                            "one snapshot need no more than that one.")));
}

} // namespace appinfra::guard

namespace appinfra::watchdog
{

void
end_exporters(std::span<Use> uses)
{
    for_each_snapshot([&](const pg::Exporter &exporter) {
        for (Use &use : uses)
            if (is_same(exporter, pg::exporter(&ProcGlobal->allProcs[use.process->slot])))
                use.snapshots++;
    });
    for (Use &use : uses)
        if (use.snapshots > session_limit && !use.ended)
            end(&use, "snapshot_export",
                psprintf(INT64_FORMAT " exported snapshots", use.snapshots));
    end_most_of_tenants(uses, tenant_limit, &Use::snapshots, "snapshot_export",
                        "exported snapshots");
}

} // namespace appinfra::watchdog
