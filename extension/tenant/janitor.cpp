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
#include "registry/tenant.hpp"
#include "shmem/wakeup.hpp"
#include "tenant/role_removal.hpp"
#include "workers/worker.hpp"

namespace appinfra::janitor
{

/* A revoked credential without sessions, whose role is to be dropped. */
struct RevokedCredential {
    int64 id;
    char role_name[NAMEDATALEN];
    char group[NAMEDATALEN];
    char database[NAMEDATALEN];
    char successor[NAMEDATALEN]; /* empty: none */
};

/* What is the next step for a tenant that has been deprovisioned. */
enum class Step { move_away, drop };

/* A deprovisioned tenant whose next step can be taken. */
struct DepartingTenant {
    char db_id[16];
    char database[NAMEDATALEN];
    Step step;
};

static bool work();
template <typename PutOff> static void record_failure(PutOff put_off);
static bool next_credential(RevokedCredential *credential);
static void remove_credential(const RevokedCredential &credential);
static bool next_tenant(DepartingTenant *departing);
static void move_away(const DepartingTenant &departing);
static void drop_tenant(const DepartingTenant &departing);
static void check_no_logins(const char *db_id);
static void copy_name(char (&to)[NAMEDATALEN], const char *from);

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
    static query::Query select = {"SELECT c.credential_id, c.role_name::text, " SQL_GROUP_ROLE(
        "t.database",
        "c.access") ","
                    "       t.database::text, coalesce((SELECT s.role_name::text FROM "
                    "appinfra.credential s"
                    "         WHERE s.binding_id = c.binding_id AND s.credential_id > "
                    "c.credential_id"
                    "           AND s.state IN ('waiting', 'active') ORDER BY s.credential_id DESC "
                    "LIMIT 1), "
                    "'')"
                    "  FROM appinfra.credential c JOIN appinfra.tenant t USING (db_id)"
                    " WHERE c.state = 'revoked' AND c.sessions_ended_at IS NOT NULL"
                    "   AND c.try_at <= clock_timestamp() ORDER BY c.try_at LIMIT 1"};
    bool found = false;

    in_transaction([&](MemoryContext) {
        query::Rows rows = query::run(select);

        found = rows.count == 1;
        if (found) {
            credential->id = rows.int8(0, 1);
            copy_name(credential->role_name, rows.text(0, 2));
            copy_name(credential->group, rows.text(0, 3));
            copy_name(credential->database, rows.text(0, 4));
            copy_name(credential->successor, rows.text(0, 5));
        }
    });
    return found;
}

/* Drops the credential's role. */
static void
remove_credential(const RevokedCredential &credential)
{
    role_removal::remove(credential.role_name, credential.database, credential.group,
                         credential.successor);
    in_transaction([&](MemoryContext) {
        credential::Gone gone = credential::mark_gone(credential.id);

        audit::record("drop_login", gone.db_id, gone.username);
    });
}

/* Finds a tenant without sessions that is to be kept out of the way, or whose time is over. */
static bool
next_tenant(DepartingTenant *departing)
{
    static query::Query select = {
        "SELECT t.db_id, t.database::text, t.status <> 'retiring' FROM appinfra.tenant t"
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
            copy_name(departing->database, rows.text(0, 2));
            departing->step = rows.boolean(0, 3) ? Step::drop : Step::move_away;
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
        if (OidIsValid(get_database_oid(tenant.database, true)))
            ddl::allow_connections(tenant.database, false);
        host_names::rename(tenant.database, away);
        for (const credential::Renaming &role : credential::free_role_names(tenant.db_id))
            if (OidIsValid(get_role_oid(role.from, true)))
                ddl::rename_role(role.from, role.to);
        tenant::mark_retained(tenant.db_id, away);
        audit::record("retain_tenant", tenant.db_id, nullptr, audit::detail({{"database", away}}));
    });
}

/* Drops the tenant's database, then its roles. */
static void
drop_tenant(const DepartingTenant &departing)
{
    bool exists = false;
    bool due = false;

    in_transaction([&](MemoryContext) {
        due = tenant::begin_to_drop(departing.db_id);
        exists = OidIsValid(get_database_oid(departing.database, true));
    });
    if (!due)
        return;
    if (exists)
        ddl::drop_database(departing.database);
    in_transaction([&](MemoryContext) { check_no_logins(departing.db_id); });
    for (const char *access : identifiers::accesses)
        role_removal::remove(identifiers::group_role(departing.database, access),
                             departing.database, nullptr, nullptr);
    in_transaction([&](MemoryContext) {
        tenant::mark_dropped(departing.db_id);
        audit::record("drop_tenant", departing.db_id, nullptr);
    });
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

static void
copy_name(char (&to)[NAMEDATALEN], const char *from)
{
    strlcpy(to, from, NAMEDATALEN);
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
