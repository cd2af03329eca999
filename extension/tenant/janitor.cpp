/* Finishes what a revocation or a deprovisioning leaves. See janitor.hpp. */
#include "tenant/janitor.hpp"

#include "audit/audit.hpp"
#include "base/ddl.hpp"
#include "base/identifiers.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "registry/host_names.hpp"
#include "registry/credential.hpp"
#include "registry/key.hpp"
#include "registry/owned.hpp"
#include "registry/published_key.hpp"
#include "registry/tenant.hpp"
#include "shmem/sessions.hpp"
#include "shmem/wakeup.hpp"
#include "tenant/role_removal.hpp"
#include "workers/worker.hpp"

namespace appinfra::janitor
{

/* A revoked credential without sessions, whose role is to be dropped. */
struct RevokedCredential {
    int64 id;
    char db_id[16];
    char access[16];
    int64 successor; /* 0: none */
};

/* What is the next step for a tenant that has been deprovisioned. */
enum class Step { move_away, drop };

/* A deprovisioned tenant whose next step can be taken. */
struct DepartingTenant {
    char db_id[16];
    Step step;
};

static bool work();
template <typename PutOff> static void record_failure(PutOff put_off);
static bool next_credential(RevokedCredential *credential);
static void remove_credential(const RevokedCredential &credential);
static bool next_tenant(DepartingTenant *departing);
static void move_away(const DepartingTenant &departing);
static void drop_tenant(const DepartingTenant &departing);
static void free_role_name(int64 credential_id);
static void report_lost_database(const tenant::Tenant &tenant);
static void remove_group(const char *db_id, const char *access);
static void check_no_logins(const char *db_id);

constexpr long look_again_ms = 1000; /* when there was nothing to do */
constexpr long pause_ms = 1000;      /* after a failure that could not be recorded */

/* Does one thing and tells whether there was one to do. */
static bool
work()
{
    RevokedCredential credential;
    DepartingTenant departing;

    if (next_credential(&credential)) {
        const Failure *failure =
            attempt(CurrentMemoryContext, [&] { remove_credential(credential); });
        if (failure != nullptr)
            record_failure([&] { credential::put_off(credential.id, failure->message); });
        return true;
    }
    if (next_tenant(&departing)) {
        const Failure *failure = attempt(CurrentMemoryContext, [&] {
            departing.step == Step::drop ? drop_tenant(departing) : move_away(departing);
        });
        if (failure != nullptr)
            record_failure([&] { tenant::put_off(departing.db_id, failure->message); });
        return true;
    }
    return false;
}

/* Puts off what has failed. Where even that fails, all work waits a little, but goes on. */
template <typename PutOff>
static void
record_failure(PutOff put_off)
{
    if (attempt(CurrentMemoryContext, [&] { in_transaction([&](MemoryContext) { put_off(); }); }))
        worker::wait(pause_ms);
}

/* Finds the credential whose role has waited longest to be dropped. */
static bool
next_credential(RevokedCredential *credential)
{
    static query::Query select = {
        "SELECT c.credential_id, c.db_id, c.access,"
        "       (SELECT max(s.credential_id) FROM appinfra.credential s"
        "         WHERE s.binding_id = c.binding_id AND s.credential_id > c.credential_id"
        "           AND s.state IN ('waiting', 'active'))"
        "  FROM appinfra.credential c"
        " WHERE c.state = 'revoked' AND c.sessions_ended_at IS NOT NULL"
        "   AND c.try_at <= clock_timestamp() ORDER BY c.try_at LIMIT 1"};
    bool found = false;

    in_transaction([&](MemoryContext) {
        query::Rows rows = query::run(select);

        found = rows.count == 1;
        if (found) {
            credential->id = rows.int8(0, 1);
            strlcpy(credential->db_id, rows.text(0, 2), sizeof(credential->db_id));
            strlcpy(credential->access, rows.text(0, 3), sizeof(credential->access));
            credential->successor = rows.int8(0, 4);
        }
    });
    return found;
}

/* Drops the credential's role. One that somebody else has dropped is reported as lost. */
static void
remove_credential(const RevokedCredential &credential)
{
    role_removal::Removal removal = {.role = InvalidOid,
                                     .db_id = credential.db_id,
                                     .own_database = InvalidOid,
                                     .heir = InvalidOid,
                                     .successor = InvalidOid};

    in_transaction([&](MemoryContext) {
        removal.role = owned::lock_login(credential.id).oid;
        removal.own_database = owned::database_of(credential.db_id);
        removal.heir = owned::lock_group(credential.db_id, credential.access).oid;
        if (credential.successor != 0)
            removal.successor = owned::lock_login(credential.successor).oid;
    });
    if (OidIsValid(removal.role))
        role_removal::remove(removal);
    in_transaction([&](MemoryContext) {
        credential::Gone gone = credential::mark_gone(credential.id);

        if (OidIsValid(removal.role))
            audit::record("drop_login", gone.db_id, gone.username);
        else
            audit::record("lose_login", gone.db_id, gone.username,
                          audit::detail({{"role", gone.role_name}}));
    });
}

/* Finds a tenant without sessions that is to be kept out of the way, or whose time is over. */
static bool
next_tenant(DepartingTenant *departing)
{
    static query::Query select = {
        "SELECT t.db_id, t.status <> 'retiring' FROM appinfra.tenant t"
        " WHERE t.try_at <= clock_timestamp()"
        "   AND (t.status = 'dropping'"
        "     OR (t.status = 'retained' AND t.retained_until <= clock_timestamp())"
        "     OR (t.status = 'retiring' AND NOT EXISTS (SELECT FROM appinfra.credential c"
        "          WHERE c.db_id = t.db_id AND c.state = 'revoked'"
        "            AND c.sessions_ended_at IS NULL)))"
        " ORDER BY t.try_at LIMIT 1"};
    bool found = false;

    in_transaction([&](MemoryContext) {
        query::Rows rows = query::run(select);

        found = rows.count == 1;
        if (found) {
            strlcpy(departing->db_id, rows.text(0, 1), sizeof(departing->db_id));
            departing->step = rows.boolean(0, 2) ? Step::drop : Step::move_away;
        }
    });
    return found;
}

/* Closes the tenant's database and frees its names, unless it was restored meanwhile. */
static void
move_away(const DepartingTenant &departing)
{
    in_transaction([&](MemoryContext) {
        tenant::Tenant tenant = tenant::lock(departing.db_id);
        const char *away = psprintf("appinfra_%s", departing.db_id + strlen("db-"));

        if (tenant.status != tenant::Status::retiring)
            return;
        const owned::Object database = owned::lock_database(tenant.db_id);
        if (OidIsValid(database.oid)) {
            /* it keeps a session that nobody uses; the next one is not let in any more */
            sessions::end_in(get_role_oid(POOLER_ROLE, true), database.oid);
            ddl::allow_connections(database.name, false);
        } else
            report_lost_database(tenant);
        host_names::rename_tenant(tenant.db_id, database, away);
        for (int64 id : credential::find_revoked(tenant.db_id))
            free_role_name(id);
        tenant::mark_retained(tenant.db_id, away);
        audit::record("retain_tenant", tenant.db_id, nullptr, audit::detail({{"database", away}}));
    });
}

/* Gives the role of a revoked credential a name that is nobody's. */
static void
free_role_name(int64 credential_id)
{
    const owned::Object role = owned::lock_login(credential_id);
    const char *name = credential::freed_name(credential_id);

    if (OidIsValid(role.oid) && strcmp(role.name, name) != 0)
        ddl::rename_role(role.name, name);
    credential::record_role_name(credential_id, name);
}

/*
 * Reports, once, that somebody else has dropped the tenant's database; what bears its name now is
 * not the tenant's.
 */
static void
report_lost_database(const tenant::Tenant &tenant)
{
    static query::Query told = {
        "SELECT FROM appinfra.audit_log WHERE db_id = $1 AND action = 'lose_database' LIMIT 1"};

    if (query::run(told, {query::text(tenant.db_id)}).count > 0)
        return;
    audit::record("lose_database", tenant.db_id, nullptr,
                  audit::detail({{"database", tenant.database}}));
}

/* Drops the tenant's database, then its roles. */
static void
drop_tenant(const DepartingTenant &departing)
{
    bool due = false;

    in_transaction([&](MemoryContext) {
        tenant::Tenant tenant = tenant::lock(departing.db_id);

        due = tenant::begin_to_drop(departing.db_id);
        if (due && tenant.status == tenant::Status::retained &&
            !OidIsValid(owned::database_of(departing.db_id)))
            report_lost_database(tenant);
    });
    if (!due)
        return;
    owned::with_database(departing.db_id, [](const owned::Object &database) {
        if (OidIsValid(database.oid))
            ddl::drop_database(database.name);
    });
    in_transaction([&](MemoryContext) { check_no_logins(departing.db_id); });
    for (const char *access : identifiers::accesses)
        remove_group(departing.db_id, access);
    in_transaction([&](MemoryContext) {
        tenant::mark_dropped(departing.db_id);
        for (const binding::Binding &binding : published_key::of_tenant(departing.db_id))
            published_key::end(binding.id, "database dropped");
        key::revoke_of_tenant(departing.db_id);
        audit::record("drop_tenant", departing.db_id, nullptr);
    });
}

/* Drops a group of the tenant, which is nobody's heir. */
static void
remove_group(const char *db_id, const char *access)
{
    Oid group = InvalidOid;

    in_transaction([&](MemoryContext) { group = owned::lock_group(db_id, access).oid; });
    if (OidIsValid(group))
        role_removal::remove({.role = group,
                              .db_id = db_id,
                              .own_database = InvalidOid,
                              .heir = InvalidOid,
                              .successor = InvalidOid});
}

/* Raises 55006 while a login of the tenant has not been dropped: its groups are still needed. */
static void
check_no_logins(const char *db_id)
{
    static query::Query select = {
        "SELECT FROM appinfra.credential WHERE db_id = $1 AND state <> 'gone' LIMIT 1"};

    if (query::run(select, {query::text(db_id)}).count > 0)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                        errmsg("logins of the tenant are still to be dropped")));
}

} // namespace appinfra::janitor

using namespace appinfra;

/* The process. */
void
appinfra_janitor_main(Datum)
{
    worker::run_while_needed({.worker = wakeup::Worker::janitor,
                              .pause_ms = janitor::look_again_ms,
                              .begin_turn = nullptr,
                              .work = janitor::work});
}
