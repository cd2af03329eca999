/*
 * The janitor: finishes what a revocation or a deprovisioning leaves, one committed step after
 * another. See worker.hpp.
 *
 * Whom it cleans up after may stand in its way (locks, grants, prepared transactions). So nobody
 * waits for it, each step is tried again after a growing pause, and what keeps it is in the views.
 */
#include "workers/worker.hpp"

#include "audit/audit.hpp"
#include "base/ddl.hpp"
#include "base/identifiers.hpp"
#include "base/installation.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "registry/host_names.hpp"
#include "registry/registry.hpp"
#include "shmem/wakeup.hpp"
#include "tenant/role_removal.hpp"

namespace appinfra::janitor
{

/* A revoked credential without sessions, whose role is to go. */
struct Revoked {
    int64 id;
    char role_name[NAMEDATALEN];
    char group[NAMEDATALEN];
    char database[NAMEDATALEN];
    char successor[NAMEDATALEN]; /* empty: none */
};

/* A tenant that is to be renamed out of the way, or dropped. */
struct Leaving {
    char db_id[16];
    char database[NAMEDATALEN];
    bool renamed;
};

static bool work();
static bool next_credential(Revoked *revoked);
static void remove_credential(const Revoked &revoked);
static bool next_tenant(Leaving *leaving);
static void move_away(const Leaving &leaving);
static void drop_tenant(const Leaving &leaving);
static void copy_name(char (&to)[NAMEDATALEN], const char *from);

constexpr long idle_ms = 30 * 1000; /* how long a janitor with nothing to do stays */

/* Does one thing and tells whether there was one to do. */
static bool
work()
{
    static query::Query credential_failed = {
        "UPDATE appinfra.credential SET attempts = attempts + 1, last_error = $2,"
        "       try_at = clock_timestamp() + make_interval(secs => least(300, 2 ^ attempts))"
        " WHERE credential_id = $1"};
    static query::Query tenant_failed = {
        "UPDATE appinfra.tenant SET attempts = attempts + 1, last_error = $2,"
        "       try_at = clock_timestamp() + make_interval(secs => least(300, 2 ^ attempts))"
        " WHERE db_id = $1"};
    Revoked revoked;
    Leaving leaving;

    if (next_credential(&revoked)) {
        if (const Failure *failure =
                attempt(CurrentMemoryContext, [&] { remove_credential(revoked); }))
            in_transaction([&](MemoryContext) {
                query::run(credential_failed,
                           {query::int8(revoked.id), query::text(failure->message)});
            });
        return true;
    }
    if (next_tenant(&leaving)) {
        if (const Failure *failure = attempt(CurrentMemoryContext, [&] {
                leaving.renamed ? drop_tenant(leaving) : move_away(leaving);
            }))
            in_transaction([&](MemoryContext) {
                query::run(tenant_failed,
                           {query::text(leaving.db_id), query::text(failure->message)});
            });
        return true;
    }
    return false;
}

static bool
next_credential(Revoked *revoked)
{
    static query::Query select = {
        "SELECT c.credential_id, c.role_name::text, t.database::text || '_' || c.access,"
        "       t.database::text, coalesce((SELECT s.role_name::text FROM appinfra.credential s"
        "         WHERE s.binding_id = c.binding_id AND s.credential_id > c.credential_id"
        "           AND s.state IN ('waiting', 'active') ORDER BY s.credential_id DESC LIMIT 1), "
        "'')"
        "  FROM appinfra.credential c JOIN appinfra.tenant t USING (db_id)"
        " WHERE c.state = 'revoked' AND c.sessions_ended_at IS NOT NULL"
        "   AND c.try_at <= clock_timestamp() ORDER BY c.try_at LIMIT 1"};
    bool found = false;

    in_transaction([&](MemoryContext) {
        found = query::run(select) == 1;
        if (found) {
            revoked->id = query::int8_at(0, 1);
            copy_name(revoked->role_name, query::text_at(0, 2));
            copy_name(revoked->group, query::text_at(0, 3));
            copy_name(revoked->database, query::text_at(0, 4));
            copy_name(revoked->successor, query::text_at(0, 5));
        }
    });
    return found;
}

static void
remove_credential(const Revoked &revoked)
{
    static query::Query gone = {
        "UPDATE appinfra.credential SET state = 'gone', gone_at = clock_timestamp(),"
        "       last_error = NULL WHERE credential_id = $1 RETURNING db_id, username::text"};

    role_removal::remove(revoked.role_name, revoked.database, revoked.group, revoked.successor);
    in_transaction([&](MemoryContext) {
        query::run(gone, {query::int8(revoked.id)});
        audit::record("drop_login", query::text_at(0, 1), query::text_at(0, 2));
    });
}

/* Finds a tenant without sessions that is to be kept out of the way, or whose time is over. */
static bool
next_tenant(Leaving *leaving)
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
        found = query::run(select) == 1;
        if (found) {
            strlcpy(leaving->db_id, query::text_at(0, 1), sizeof(leaving->db_id));
            copy_name(leaving->database, query::text_at(0, 2));
            leaving->renamed = query::bool_at(0, 3);
        }
    });
    return found;
}

/* Closes the tenant's database and frees its names, unless it was restored meanwhile. */
static void
move_away(const Leaving &leaving)
{
    static query::Query mark = {
        "UPDATE appinfra.tenant SET status = 'retained', database = $2::name, logins = 0,"
        "       attempts = 0, last_error = NULL, try_at = clock_timestamp() WHERE db_id = $1"};
    static query::Query logins = {
        "UPDATE appinfra.credential SET role_name = ('appinfra_gone_' || credential_id)::name"
        "  FROM (SELECT credential_id AS id, role_name AS former FROM appinfra.credential) o"
        " WHERE db_id = $1 AND o.id = credential_id AND state = 'revoked'"
        "   AND role_name::text <> 'appinfra_gone_' || credential_id"
        " RETURNING o.former::text, role_name::text"};

    in_transaction([&](MemoryContext) {
        registry::Tenant tenant = registry::lock_tenant(leaving.db_id);
        const char *away = psprintf("appinfra_%s", leaving.db_id + strlen("db-"));

        if (strcmp(tenant.status, "retiring") != 0)
            return;
        if (OidIsValid(get_database_oid(tenant.database, true)))
            ddl::allow_connections(tenant.database, false);
        host_names::rename(tenant.database, away);
        uint64 count = query::run(logins, {query::text(tenant.db_id)});
        SPITupleTable *rows = SPI_tuptable;
        for (uint64 i = 0; i < count; i++)
            if (OidIsValid(get_role_oid(SPI_getvalue(rows->vals[i], rows->tupdesc, 1), true)))
                ddl::rename_role(SPI_getvalue(rows->vals[i], rows->tupdesc, 1),
                                 SPI_getvalue(rows->vals[i], rows->tupdesc, 2));
        query::run(mark, {query::text(tenant.db_id), query::text(away)});
        audit::record("retain_tenant", tenant.db_id, nullptr, audit::detail({{"database", away}}));
    });
}

/* Drops the tenant's database, then its roles. */
static void
drop_tenant(const Leaving &leaving)
{
    /* from here on it cannot be restored, though its data may still be there */
    static query::Query begin = {
        "UPDATE appinfra.tenant SET status = 'dropping' WHERE db_id = $1 AND (status = 'dropping'"
        "    OR (status = 'retained' AND retained_until <= clock_timestamp()))"};
    static query::Query mark = {
        "UPDATE appinfra.tenant SET status = 'dropped', last_error = NULL WHERE db_id = $1"};
    static query::Query logins = {
        "SELECT FROM appinfra.credential WHERE db_id = $1 AND state <> 'gone' LIMIT 1"};
    bool exists = false;
    bool due = false;

    in_transaction([&](MemoryContext) {
        due = query::run(begin, {query::text(leaving.db_id)}) == 1;
        exists = OidIsValid(get_database_oid(leaving.database, true));
    });
    if (!due)
        return;
    if (exists)
        ddl::drop_database(leaving.database);
    in_transaction([&](MemoryContext) {
        if (query::run(logins, {query::text(leaving.db_id)}) > 0)
            ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                            errmsg("logins of the tenant are still to be dropped")));
    });
    for (const char *access : identifiers::accesses)
        role_removal::remove(identifiers::group_role(leaving.database, access), leaving.database,
                             nullptr, nullptr);
    in_transaction([&](MemoryContext) {
        query::run(mark, {query::text(leaving.db_id)});
        audit::record("drop_tenant", leaving.db_id, nullptr);
    });
}

static void
copy_name(char (&to)[NAMEDATALEN], const char *from)
{
    strlcpy(to, from, NAMEDATALEN);
}

} // namespace appinfra::janitor

using namespace appinfra;

/* The process. It ends when nothing has been to do for a while. */
void
appinfra_janitor_main(Datum)
{
    worker::begin(settings::control_database, InvalidOid);
    TimestampTz last_work = GetCurrentTimestamp();
    if (!worker::become(wakeup::Worker::janitor))
        return;
    MemoryContext turn =
        AllocSetContextCreate(TopMemoryContext, "appinfra janitor turn", ALLOCSET_DEFAULT_SIZES);
    for (;;) {
        MemoryContextSwitchTo(turn);
        MemoryContextReset(turn);
        pgstat_report_stat(true);
        CHECK_FOR_INTERRUPTS();
        if (installation::current().version != installation::Version::ours)
            return;
        bool worked = janitor::work();
        if (worked)
            last_work = GetCurrentTimestamp();
        else if (TimestampDifferenceExceeds(last_work, GetCurrentTimestamp(), janitor::idle_ms))
            return;
        worker::wait(worked ? 0 : 1000);
    }
}
