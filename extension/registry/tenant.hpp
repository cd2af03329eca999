/*
 * Tenants: their rows in the registry, and every change of their status.
 *
 * ready ⇄ revoked; both → retiring → retained → dropping → dropped; revoked, retiring and retained
 * lead back to ready. Each function below writes one step. The caller holds the tenant's row
 * (lock(), lock_ready()) and checks, where nothing else is said, that the step is allowed.
 */
#pragma once

#include "registry/states.hpp"

namespace appinfra::tenant
{

using Status = states::Tenant;

struct Tenant {
    const char *db_id;
    const char *app_id;
    const char *owner_user_id;
    const char *slug;
    const char *database;
    const char *original_name; /* of the database; it has another while it is retained */
    Status status;
    int hardening;
};

/*
 * Locks the tenant's row and returns it, or raises 42704. Whoever changes a tenant's credentials or
 * bindings holds it.
 */
Tenant lock(const char *db_id);

/* The same, and raises 55000 unless its status is `ready`. */
Tenant lock_ready(const char *db_id);

/* What never changes, or only with the app, read without a lock. */
struct Ownership {
    const char *app_id;
    const char *owner_user_id;
};

/* Returns whose the tenant is, or raises 42704. Lock the app, or the tenant, to keep it so. */
Ownership read_ownership(const char *db_id);

/*
 * Returns the db_id of a workspace that is named by its db_id, its workspace_id, or a slug that
 * only one tenant has that is not dropped. Raises 42704, and 42P09 where several have the slug.
 */
const char *find_workspace(const char *workspace);

/* What is known of a tenant when it is made. */
struct NewTenant {
    const char *db_id;
    const char *app_id;
    const char *owner_user_id;
    const char *slug;
    const char *engine;
    const char *database;
    Oid database_oid;
    int hardening;
    const char *idempotency_key; /* null pointer: none */
    const Jsonb *request;
    const Interval *expires; /* from now; null pointer: never */
};

/* Makes a tenant, which is ready. */
void add(const NewTenant &tenant);

/* A ready tenant has lost its credentials; another status stays. */
void mark_revoked(const char *db_id);

/* The tenant is being deprovisioned and is then kept for that time. */
void mark_retiring(const char *db_id, const Interval *retain);

/* The tenant, which is retained, is kept for that time from now on; returns its new end as text. */
const char *move_end(const char *db_id, const Interval *retain);

/* The tenant's database is closed and has this name now. */
void mark_retained(const char *db_id, const char *database);

/* Somebody has given the tenant's database this name. */
void record_database(const char *db_id, const char *database);

/* The tenant is ready again, in a database of this name. */
void mark_restored(const char *db_id, const char *database);

/*
 * The tenant's time is over: from here on it cannot be restored, though its data may still be
 * there. False when that is not so (any more).
 */
bool begin_to_drop(const char *db_id);

/* Nothing of the tenant is left but its row. */
void mark_dropped(const char *db_id);

/* A step of the housekeeping has failed; the next attempt comes after a growing pause. */
void put_off(const char *db_id, const char *error);

/* Counts one more login name as used, and returns its number. */
int next_login(const char *db_id);

/* Sets after how long published credentials are rotated; returns it as text. */
const char *set_rotation(const char *db_id, const Interval *rotate_after);

/* Limits of a tenant's own, times in milliseconds. None: the host's settings. */
struct Limits {
    std::optional<int32> connections;
    std::optional<int32> statement_timeout;
    std::optional<int32> idle_in_transaction_timeout;
    std::optional<int64> disk; /* bytes; 0: none; -1: the host's setting, as if it had none */
};

Limits read_limits(const char *db_id);

/* Sets those that are given. */
void set_limits(const char *db_id, const Limits &limits);

/* Gives the tenant another end, that time from now, or none for 0; returns it as text, or null. */
const char *set_expiry(const char *db_id, const Interval *expires);

/* Locks the tenant's row, notes that its end was told of, and returns that as text. */
const char *warn_of_expiry(const char *db_id, int warned);

/* Makes the tenant another owner's, with its app. */
void set_owner(const char *db_id, const char *owner_user_id);

/* Records which hardening the tenant's database has. */
void set_hardening(const char *db_id, int hardening);

} // namespace appinfra::tenant
