/*
 * Owned: which roles and databases of the host are a tenant's.
 *
 * Whoever administers the host may rename, drop and make anew what he likes, and a registry may be
 * put back that is older than the host. So a name proves nothing: what is to be renamed, closed or
 * dropped is found by OID and label, locked, and only then called by the name it has. Until the
 * transaction ends it can be neither renamed nor dropped by others.
 */
#pragma once

#include "base/label.hpp"

/* The label that the logins of credential c have, in SQL. */
#define LABEL_OF_CREDENTIAL                                                                        \
    "c.db_id || CASE WHEN c.gateway IS NULL THEN ' login ' ELSE ' gateway ' END || c.access"

/* Whether the role with that OID has it. */
#define IS_LABELLED_AS_LOGIN(oid)                                                                  \
    "EXISTS (SELECT FROM pg_catalog.pg_shseclabel l WHERE l.objoid = " oid                         \
    "           AND l.classoid = 'pg_catalog.pg_authid'::regclass"                                 \
    "           AND l.provider = 'appinfra' AND l.label = " LABEL_OF_CREDENTIAL ")"

/*
 * Whether role a is that of credential c, where it is only looked at: it has the label, and the
 * OID; or the name, where no OID is known or that one is another server's.
 */
#define IS_ROLE_OF_CREDENTIAL                                                                      \
    "(a.oid = c.role_oid"                                                                          \
    " OR (a.rolname = c.role_name AND NOT " IS_LABELLED_AS_LOGIN(                                  \
        "c.role_oid") "))"                                                                         \
                      " AND " IS_LABELLED_AS_LOGIN("a.oid")

namespace appinfra::owned
{

/* A role or a database, locked. */
struct Object {
    Oid oid;          /* 0: there is none */
    const char *name; /* its name now; null pointer: there is none */
};

/*
 * Locks and returns the role of a credential, whatever it is called now; none when it is gone. A
 * role of the recorded name, or of its OID, that lost its label raises 55000.
 */
Object lock_login(int64 credential_id);

/* Locks and returns a group of the tenant. */
Object lock_group(const char *db_id, const char *access);

/* Returns the name of a group of the tenant; without its label, the one it was given. */
const char *group_name(const char *db_id, const char *database, const char *access);

/* Locks and returns the tenant's database; one that lost its label raises 55000. */
Object lock_database(const char *db_id);

/* Locks and returns the role of this OID if it is the tenant's; another's raises 55000. */
Object lock_role(Oid role, const char *db_id);

/* Returns the tenant's database, which is not locked; 0: there is none. */
Oid database_of(const char *db_id);

/* The two ends of with_database(). */
Object hold_database(const char *db_id);
void release_database(Oid database);

/*
 * Keeps the tenant's database from being renamed or dropped by others while the body runs, outside
 * a transaction. The body gets what lock_database() returns. An abort in the body releases it, too.
 */
template <typename Body>
void
with_database(const char *db_id, Body body)
{
    const Object database = hold_database(db_id);

    body(database);
    release_database(database.oid);
}

} // namespace appinfra::owned
