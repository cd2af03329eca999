/*
 * DDL on roles and databases, as statement trees.
 *
 * A tree has no text: nothing to quote, and no verifier in a query string that a statistics
 * extension would keep. A call goes through ProcessUtility, so that other extensions' hooks see it;
 * set_password() and what writes settings write the catalog themselves. Each call makes its effect
 * visible to the next. The caller has switched to the extension's owner.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::ddl
{

/* A setting that a login starts with. */
struct Setting {
    const char *name;
    const char *value;
};

void create_group(const char *name, bool bypass_rls);

/* Creates a login in one group, without a password. */
void create_login(const char *name, const char *group);

/* Makes a role no login any more: NOLOGIN, no password, no membership in its group. */
void disable_login(const char *login, const char *group);

/* Lets nobody log in with the role any more; its sessions go on. */
void close_login(const char *login);

/* Lets the password of a login expire. */
void set_valid_until(const char *login, TimestampTz time);

/* Gives a login a password by its verifier, or takes it away (null). */
void set_password(const char *login, const char *verifier);

/* Replaces what a login starts with by these settings. */
void set_settings(const char *login, std::span<const Setting> settings);

/*
 * Sets or (null) resets what the role's sessions in the database start with, as ALTER ROLE … IN
 * DATABASE does: name and value are checked with the rights of the current user.
 */
void change_setting(Oid database, Oid role, const char *name, const char *value);

/* Makes one role's sessions in the database start with what another's do. */
void copy_settings(Oid database, Oid from, Oid to);

void rename_role(const char *from, const char *to);
void drop_role(const char *name);
void label_role(const char *name, const char *label);

void rename_database(const char *from, const char *to);
void label_database(const char *name, const char *label);
void allow_connections(const char *database, bool allow);
void mark_template(const char *database, bool is_template);

/* Grants privileges (names like "connect") on a database to a role. */
void grant_on_database(const char *database, const char *role,
                       std::span<const char *const> privileges);

/* Takes CONNECT on a database from a role. */
void revoke_connect(const char *database, const char *role);

/* Takes every privilege on the database from PUBLIC. */
void close_database(const char *database);

/* Takes every privilege on the database from a role (null: PUBLIC) and from whom it granted any. */
void revoke_all_on_database(const char *database, const char *role);

/* Makes the role the database's owner; limits the database's connections (-1: does not). */
void give_database(const char *database, const char *owner);
void limit_connections(const char *database, int limit);

/* What a new database is made from. Null texts: as its template. */
struct NewDatabase {
    const char *name;
    const char *source;
    Oid oid;
    int connection_limit;
    const char *encoding;
    const char *locale;
};

/* Creates a database that admits nobody. Commits by itself: only outside a transaction block. */
void create_database(const NewDatabase &database);

/* Rolls back a prepared transaction of this database: only outside a transaction block. */
void roll_back_prepared(const char *gid);

/* Drops a database. Commits by itself: only outside a transaction block. */
void drop_database(const char *name);

} // namespace appinfra::ddl
