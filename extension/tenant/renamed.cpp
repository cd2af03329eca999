/* Follows names of logins and databases. See renamed.hpp. */
#include "tenant/renamed.hpp"

#include "audit/audit.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "registry/credential.hpp"
#include "registry/owned.hpp"
#include "registry/tenant.hpp"

namespace appinfra::renamed
{

/* Database d has the label of tenant t. */
#define IS_TENANTS_DATABASE                                                                        \
    "EXISTS (SELECT FROM pg_catalog.pg_shseclabel l WHERE l.objoid = d.oid"                        \
    "           AND l.classoid = 'pg_catalog.pg_database'::regclass"                               \
    "           AND l.provider = 'appinfra' AND " IS_LABEL_OF_TENANT("l.label", "t.db_id") ")"

static bool may_have_changed();
static void note_change(Datum, int, uint32);
static void adopt_roles();
static void adopt_databases();
static void follow_logins();
static void follow_databases();

/* Looks that a change is still worth: what a transaction has locked, the first ones pass over. */
static int looks_due;
constexpr int looks_per_change = 3;

/*
 * How often it looks when nothing tells of a change: labels and the registry change unheard, and
 * what another transaction has locked, or a name that the registry still has, comes later.
 */
constexpr int look_anyway_ms = 30 * 1000;

void
follow()
{
    if (!may_have_changed())
        return;
    in_transaction([](MemoryContext) {
        adopt_roles();
        adopt_databases();
        follow_logins();
        follow_databases();
    });
}

/*
 * Tells whether a role or a database was made, changed or dropped, or not looked at for a while. A
 * turn of the scheduler begins with a transaction, which hears of it.
 */
static bool
may_have_changed()
{
    static bool registered;
    static TimestampTz looked_at;
    TimestampTz now = GetCurrentTimestamp();

    if (!registered) {
        CacheRegisterSyscacheCallback(AUTHOID, note_change, static_cast<Datum>(0));
        CacheRegisterSyscacheCallback(DATABASEOID, note_change, static_cast<Datum>(0));
        registered = true;
    }
    if (looks_due == 0 && now >= looked_at &&
        !TimestampDifferenceExceeds(looked_at, now, look_anyway_ms))
        return false;
    looks_due = Max(looks_due - 1, 0);
    looked_at = now;
    return true;
}

/* Another process has changed a role or a database. */
static void
note_change(Datum, int, uint32)
{
    looks_due = looks_per_change;
}

/* Records the OIDs that roles have on this server, where the registry came from another. */
static void
adopt_roles()
{
    static query::Query update = {
        "UPDATE appinfra.credential u SET role_oid = f.oid"
        "  FROM (SELECT c.credential_id, a.oid FROM appinfra.credential c"
        "          JOIN pg_catalog.pg_authid a ON a.rolname = c.role_name"
        "         WHERE c.state <> 'gone' AND a.oid IS DISTINCT FROM c.role_oid"
        "           AND " IS_ROLE_OF_CREDENTIAL
        "         LIMIT 100 FOR NO KEY UPDATE OF c SKIP LOCKED) f"
        " WHERE u.credential_id = f.credential_id"};

    query::run(update);
}

/* Records the OIDs that tenants' databases have on this server. */
static void
adopt_databases()
{
    static query::Query update = {
        "UPDATE appinfra.tenant u SET database_oid = f.oid"
        "  FROM (SELECT t.db_id, d.oid FROM appinfra.tenant t"
        "          JOIN pg_catalog.pg_database d ON d.datname = t.database"
        "         WHERE t.status <> 'dropped' AND d.oid <> t.database_oid"
        "           AND " IS_TENANTS_DATABASE
        "         LIMIT 100 FOR NO KEY UPDATE OF t SKIP LOCKED) f"
        " WHERE u.db_id = f.db_id"};

    query::run(update);
}

static void
follow_logins()
{
    static query::Query select = {
        "SELECT c.credential_id, c.db_id, c.username::text, c.role_name::text, a.rolname::text"
        "  FROM appinfra.credential c JOIN pg_catalog.pg_authid a ON a.oid = c.role_oid"
        "  JOIN appinfra.tenant t USING (db_id)"
        " WHERE c.state <> 'gone' AND a.rolname <> c.role_name"
        "   AND NOT EXISTS (SELECT FROM appinfra.credential o"
        "                    WHERE o.role_name = a.rolname AND o.state <> 'gone')"
        "   AND " IS_LABELLED_AS_LOGIN("a.oid") " LIMIT 100 FOR NO KEY UPDATE OF t, c SKIP LOCKED"};
    query::Rows rows = query::run(select);

    for (uint64 i = 0; i < rows.count; i++)
        record_login({.credential_id = rows.int8(i, 1),
                      .db_id = rows.text(i, 2),
                      .username = rows.text(i, 3),
                      .from = rows.text(i, 4),
                      .to = rows.text(i, 5)});
}

void
record_login(const Login &login)
{
    credential::record_role_name(login.credential_id, login.to);
    audit::record("rename_login", login.db_id, login.username,
                  audit::detail({{"from", login.from}, {"to", login.to}}));
}

static void
follow_databases()
{
    static query::Query select = {
        "SELECT t.db_id, t.database::text, d.datname::text"
        "  FROM appinfra.tenant t JOIN pg_catalog.pg_database d ON d.oid = t.database_oid"
        " WHERE t.status <> 'dropped' AND d.datname <> t.database"
        "   AND NOT EXISTS (SELECT FROM appinfra.tenant o WHERE o.database = d.datname)"
        "   AND " IS_TENANTS_DATABASE " LIMIT 100 FOR NO KEY UPDATE OF t SKIP LOCKED"};
    query::Rows rows = query::run(select);

    for (uint64 i = 0; i < rows.count; i++) {
        tenant::record_database(rows.text(i, 1), rows.text(i, 3));
        audit::record("rename_database", rows.text(i, 1), nullptr,
                      audit::detail({{"from", rows.text(i, 2)}, {"to", rows.text(i, 3)}}));
    }
}

} // namespace appinfra::renamed
