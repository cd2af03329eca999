/*
 * Bindings: which variables of which target something holds, and the versions of what stands there.
 *
 * A (target, variable) is held by one binding at a time; its version only grows, also from one
 * binding to the next, so that a late delivery is always the lower one.
 */
#pragma once

#include "base/query.hpp"
#include "base/refusal.hpp"

namespace appinfra::binding
{

/* The variables of a service user; they change together. */
constexpr std::array<const char *, 6> service_variables = {"PGUSER", "PGPASSWORD", "PGHOST",
                                                           "PGPORT", "PGDATABASE", "PGSSLMODE"};

/* Whose environment, and which of its variables. */
struct Place {
    const char *app_id;
    const char *target;
    Datum variables;        /* text[] */
    const char *service_id; /* null pointers for an app */
    const char *host_id;
    bool pooled;           /* its DSN goes through the pooler */
    const char *container; /* of the app; a null pointer: its own environment */
};

/* A binding as the registry has it. Null pointers: it is no service user's. */
struct Binding {
    int64 id;
    const char *owner_id; /* what it belongs to: a db_id or a bucket_id */
    const char *kind;     /* of what it delivers: its producer, or `key` */
    const char *app_id;
    const char *target;
    const char *producer;
    const char *access;
    Datum variables; /* text[] */
    const char *service_id;
    const char *host_id;
    bool ended;
    bool pooled;
    const char *container; /* as in a Place */
};

/* The columns of a Binding, from a table that is called b. from_row() reads them. */
#define BINDING_COLUMNS                                                                            \
    "b.binding_id, coalesce(b.db_id, b.bucket_id, b.workspace),"                                   \
    " CASE WHEN b.workspace IS NOT NULL THEN 'key' ELSE b.producer END, b.app_id, b.target,"       \
    " b.producer, b.access, b.variables, b.service_id, b.host_id, b.ended, b.via IS NOT NULL,"     \
    " b.container"

/* The first column after them. */
constexpr int next_column = 14;

/* Returns the binding in a row whose first columns are BINDING_COLUMNS. */
Binding from_row(const query::Rows &rows, uint64 row);

/* Returns a text[] of one variable. */
Datum one_variable(const char *name);

/* Returns the first of a text[] of variables. */
const char *first_variable(Datum variables);

/* Returns whose environment a place is, for a message. */
const char *name_of(const Place &place);

/* Returns the place of variables of an app, or of one of its containers. */
Place of_app(const char *app_id, Datum variables, bool pooled, const char *container = nullptr);

/* Returns the place of a service user. */
Place of_service(const char *app_id, const char *service_id, const char *host_id);

/*
 * Locks the variables until the transaction ends, or refuses: 55P03 where another transaction is
 * about to take one, 23505 where a binding holds one.
 */
const Refusal *reserve(const Place &place);

/* Makes a binding that holds the (reserved) variables and returns its id. */
int64 create(const Place &place, const char *db_id, const char *access);

/* The same, for a key of a bucket. */
int64 create_for_bucket(const Place &place, const char *bucket_id);

/* The same, for an API key of a workspace. */
int64 create_for_key(const Place &place, const char *db_id, const char *access);

/* Gives the next version to the variables of a binding and returns it; 0 when it has lost one. */
int64 next_version(int64 binding_id);

/* Returns the tenant's binding that holds the variables of the place; null when there is none. */
const Binding *look_up(const char *db_id, const Place &place);

/* The same, and raises 42704 when there is none. The tenant's own app is named, for the message. */
Binding find(const char *db_id, const char *own_app, const Place &place);

/* The binding's next credentials have this access, and its DSN goes this way. */
void set_access(int64 binding_id, const char *access, bool pooled);

/* Returns the id of the binding of the tenant's service user; 0 when there is none. */
int64 find_service(const char *db_id, const char *service_id, const char *host_id);

/* Returns that binding, or raises 42704. */
Binding service_of(const char *db_id, const char *service_id, const char *host_id);

/* Which bindings of a tenant are asked for. */
enum class Which { living, restorable };

/* Returns the tenant's bindings: those that live; with restorable also those that ended with it. */
std::span<const Binding> of_tenant(const char *db_id, Which which);

/* Returns the binding. */
Binding read(int64 binding_id);

/* Returns the binding; its row is locked. Another transaction's lock is waited for. */
Binding lock(int64 binding_id);

/* Locks the binding's row; false when another transaction has it locked. */
bool try_lock(int64 binding_id);

/* Returns who holds the variables of a binding now: itself, or who took them when it ended. */
std::span<const int64> holders(int64 binding_id);

/* Rotating it by itself has failed: it is tried again after a growing pause. */
void put_off(int64 binding_id, const char *error);

/* Its credential has been rotated. */
void forget_failures(int64 binding_id);

/* Whether the holder of variable v has something in it, or is owed it: nobody else may unset it. */
#define VARIABLE_IS_FILLED                                                                         \
    "EXISTS (SELECT FROM appinfra.publication h WHERE h.binding_id = v.binding_id"                 \
    "           AND h.kind <> 'handout')"

/* The living bindings of the tenant come back when it is restored. */
void keep_restorable(const char *db_id);

/* The binding of a bucket comes back when that is restored. */
void keep_restorable(int64 binding_id);

/* The ended binding has come back, as another one. */
void forget_restorable(int64 binding_id);

/* Frees the variables of a binding, and marks it as ended. */
void end(int64 binding_id);

} // namespace appinfra::binding
