/* Finds a tenant's roles and databases by OID and label. See owned.hpp. */
#include "registry/owned.hpp"

#include "base/identifiers.hpp"
#include "base/query.hpp"
#include "base/refusal.hpp"
#include "base/scope.hpp"

namespace appinfra::owned
{

static Object lock_unrecorded_login(int64 credential_id);
static void check_lost_login(int64 credential_id);
static Object lock_database_row(Oid database, const char *db_id);
static Object first(const query::Rows &rows);
static const Refusal *not_of(const char *kind, const char *name, const char *db_id);

/* Role a has the label of credential c's login. */
#define A_IS_LABELLED IS_LABELLED_AS_LOGIN("a.oid")

/* The OID says more than the name; but a registry from a dump has OIDs of another server. */
Object
lock_login(int64 credential_id)
{
    static query::Query select = {
        "SELECT a.oid, a.rolname::text FROM appinfra.credential c JOIN pg_catalog.pg_authid a"
        "    ON a.oid = c.role_oid OR a.rolname = c.role_name"
        " WHERE c.credential_id = $1"
        "   AND " A_IS_LABELLED "   AND (a.rolname = c.role_name"
        "    OR NOT EXISTS (SELECT FROM appinfra.credential o"
        "                    WHERE o.role_name = a.rolname AND o.state <> 'gone'))"
        " ORDER BY a.oid IS NOT DISTINCT FROM c.role_oid DESC LIMIT 1 FOR UPDATE OF a"};
    Object login = first(query::run(select, {query::id(credential_id)}));

    if (!OidIsValid(login.oid))
        login = lock_unrecorded_login(credential_id);
    if (!OidIsValid(login.oid))
        check_lost_login(credential_id);
    return login;
}

/*
 * Finds the role of a credential whose OID is not known: the one login of the tenant, by its label,
 * that no credential names. Where there is none, or more than one, it is not found.
 */
static Object
lock_unrecorded_login(int64 credential_id)
{
    static query::Query select = {
        "SELECT a.oid, a.rolname::text FROM appinfra.credential c, pg_catalog.pg_authid a"
        " WHERE c.credential_id = $1 AND a.oid = ("
        "       SELECT min(a.oid) FROM pg_catalog.pg_authid a"
        "        WHERE " A_IS_LABELLED "          AND NOT EXISTS (SELECT FROM appinfra.credential o"
        "               WHERE (o.role_name = a.rolname OR o.role_oid = a.oid)"
        "                 AND o.state <> 'gone')"
        "       HAVING count(*) = 1) FOR UPDATE OF a"};

    return first(query::run(select, {query::id(credential_id)}));
}

/* Raises where a role without its label may be the credential's: it may still log in. */
static void
check_lost_login(int64 credential_id)
{
    static query::Query select = {
        "SELECT a.rolname::text, c.db_id FROM appinfra.credential c JOIN pg_catalog.pg_authid a"
        "    ON a.rolname = c.role_name AND a.oid = coalesce(c.role_oid, a.oid)"
        " WHERE c.credential_id = $1"};
    query::Rows rows = query::run(select, {query::id(credential_id)});

    if (rows.count > 0)
        raise(not_of("role", rows.text(0, 1), rows.text(0, 2)));
}

/* The OIDs of the roles with a group's label, which is $1. */
#define GROUP_LABELS                                                                               \
    "SELECT l.objoid FROM pg_catalog.pg_shseclabel l WHERE l.provider = 'appinfra'"                \
    "   AND l.classoid = 'pg_catalog.pg_authid'::regclass AND l.label = $1"

Object
lock_group(const char *db_id, const char *access)
{
    static query::Query select = {"SELECT a.oid, a.rolname::text FROM pg_catalog.pg_authid a"
                                  " WHERE a.oid IN (" GROUP_LABELS
                                  ") ORDER BY a.oid LIMIT 1 FOR UPDATE"};

    return first(query::run(select, {query::text(label::of_group(db_id, access))}));
}

const char *
group_name(const char *db_id, const char *database, const char *access)
{
    static query::Query select = {
        "SELECT a.rolname::text FROM pg_catalog.pg_authid a"
        " WHERE a.rolname = $2::name AND EXISTS (" GROUP_LABELS " AND l.objoid = a.oid)"
        " UNION ALL SELECT a.rolname::text FROM pg_catalog.pg_authid a"
        " WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_authid WHERE rolname = $2::name)"
        "   AND a.oid = (" GROUP_LABELS " ORDER BY 1 LIMIT 1)"};
    const char *given = identifiers::group_role(database, access);
    query::Rows rows =
        query::run(select, {query::text(label::of_group(db_id, access)), query::text(given)});

    return rows.count > 0 ? rows.text(0, 1) : given;
}

Object
lock_role(Oid role, const char *db_id)
{
    static query::Query select = {
        "SELECT oid, rolname::text FROM pg_catalog.pg_authid WHERE oid = $1 FOR UPDATE"};
    Object found = first(query::run(select, {query::oid(role)}));
    label::Label label;

    if (OidIsValid(found.oid) && (!label::of_role(role, &label) || strcmp(label.db_id, db_id) != 0))
        raise(not_of("role", found.name, db_id));
    return found;
}

/* Its name cannot change once the object is locked; before that it may have. */
Object
lock_database(const char *db_id)
{
    Oid database = database_of(db_id);

    if (OidIsValid(database))
        LockSharedObject(DatabaseRelationId, database, 0, AccessShareLock);
    return lock_database_row(database, db_id);
}

Object
hold_database(const char *db_id)
{
    MemoryContext caller = CurrentMemoryContext;
    Object held = {};

    in_transaction([&](MemoryContext) {
        Oid database = database_of(db_id);

        if (!OidIsValid(database))
            return;
        /* first for the transaction, so that an error from here on leaves nothing locked */
        LockSharedObject(DatabaseRelationId, database, 0, AccessShareLock);
        held = lock_database_row(database, db_id);
        if (!OidIsValid(held.oid))
            return;
        held.name = MemoryContextStrdup(caller, held.name);
        LockSharedObjectForSession(DatabaseRelationId, database, 0, AccessShareLock);
    });
    return held;
}

void
release_database(Oid database)
{
    if (OidIsValid(database))
        UnlockSharedObjectForSession(DatabaseRelationId, database, 0, AccessShareLock);
}

/* Returns a locked database if it still is the tenant's. */
static Object
lock_database_row(Oid database, const char *db_id)
{
    const char *name = OidIsValid(database) ? get_database_name(database) : nullptr;
    label::Label label;

    if (name == nullptr)
        return {};
    if (!label::of_database(database, &label) || strcmp(label.db_id, db_id) != 0)
        raise(not_of("database", name, db_id));
    return {.oid = database, .name = name};
}

/* Label l is that of tenant t's database. */
#define L_IS_OF_TENANT IS_LABEL_OF_TENANT("l.label", "t.db_id")

/* It is the one with the tenant's label; or the recorded one, though it lacks it. */
Oid
database_of(const char *db_id)
{
    static query::Query select = {
        "SELECT d.oid FROM appinfra.tenant t CROSS JOIN pg_catalog.pg_database d"
        "  LEFT JOIN pg_catalog.pg_shseclabel l ON l.objoid = d.oid AND l.provider = 'appinfra'"
        "   AND l.classoid = 'pg_catalog.pg_database'::regclass"
        " WHERE t.db_id = $1"
        "   AND (" L_IS_OF_TENANT "    OR (d.oid = t.database_oid AND d.datname = t.database))"
        " ORDER BY l.label IS NULL, d.oid = t.database_oid DESC LIMIT 1"};
    query::Rows rows = query::run(select, {query::text(db_id)});

    return rows.count == 1 ? rows.oid(0, 1) : InvalidOid;
}

static Object
first(const query::Rows &rows)
{
    if (rows.count == 0)
        return {};
    return {.oid = rows.oid(0, 1), .name = rows.text(0, 2)};
}

static const Refusal *
not_of(const char *kind, const char *name, const char *db_id)
{
    return refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  psprintf("%s \"%s\" does not belong to \"%s\"", kind, name, db_id),
                  "Its security label says so.",
                  "Where the label was lost, appinfra.harden_tenant() writes it anew.");
}

} // namespace appinfra::owned
