/* Reads and writes the table of tenants. See tenant.hpp. */
#include "registry/tenant.hpp"

#include "base/identifiers.hpp"
#include "base/query.hpp"
#include "base/refusal.hpp"
#include "registry/put_off.hpp"

namespace appinfra::tenant
{

static const Refusal *unknown(const char *db_id);

Tenant
lock(const char *db_id)
{
    static query::Query select = {
        "SELECT db_id, app_id, slug, database::text, wanted_name::text, status, hardening,"
        "       owner_user_id"
        "  FROM appinfra.tenant WHERE db_id = $1 FOR NO KEY UPDATE"};
    query::Rows rows = query::run(select, {query::text(db_id)});

    if (rows.count != 1)
        raise(unknown(db_id));
    return {.db_id = rows.text(0, 1),
            .app_id = rows.text(0, 2),
            .owner_user_id = rows.text(0, 8),
            .slug = rows.text(0, 3),
            .database = rows.text(0, 4),
            .original_name = rows.text(0, 5),
            .status = states::parse<Status>(rows.text(0, 6)),
            .hardening = rows.int4(0, 7)};
}

Tenant
lock_ready(const char *db_id)
{
    Tenant tenant = lock(db_id);

    if (tenant.status != Status::ready)
        raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     psprintf("database \"%s\" is not ready", tenant.db_id),
                     psprintf("Its status is \"%s\".", states::name(tenant.status)),
                     tenant.status == Status::dropped
                         ? nullptr
                         : "appinfra.restore_tenant() makes it ready again."));
    return tenant;
}

Ownership
read_ownership(const char *db_id)
{
    static query::Query select = {
        "SELECT app_id, owner_user_id FROM appinfra.tenant WHERE db_id = $1"};
    query::Rows rows = query::run(select, {query::text(db_id)});

    if (rows.count != 1)
        raise(unknown(db_id));
    return {.app_id = rows.text(0, 1), .owner_user_id = rows.text(0, 2)};
}

const char *
find_workspace(const char *workspace)
{
    static query::Query select = {
        "SELECT db_id, db_id = $1 OR workspace_id::text = lower($1) AS exact FROM appinfra.tenant"
        " WHERE db_id = $1 OR workspace_id::text = lower($1)"
        "    OR (slug = $1 AND status <> 'dropped') ORDER BY exact DESC LIMIT 2"};
    query::Rows rows = query::run(select, {query::text(workspace)});

    if (rows.count == 0)
        raise(unknown(workspace));
    if (rows.count > 1 && !rows.boolean(0, 2))
        raise(refuse(ERRCODE_AMBIGUOUS_ALIAS,
                     psprintf("slug \"%s\" is not unique", identifiers::excerpt(workspace)),
                     nullptr, "Name the workspace by its db_id or workspace_id."));
    return rows.text(0, 1);
}

static const Refusal *
unknown(const char *db_id)
{
    return refuse(ERRCODE_UNDEFINED_OBJECT,
                  psprintf("database \"%s\" does not exist", identifiers::excerpt(db_id)), nullptr,
                  "Look at appinfra.databases.");
}

void
add(const NewTenant &tenant)
{
    static query::Query insert = {
        "INSERT INTO appinfra.tenant (db_id, app_id, owner_user_id, slug, engine, database,"
        "  database_oid, hardening, idempotency_key, request, wanted_name, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $6, clock_timestamp() + $11)"};

    query::run(insert, {query::text(tenant.db_id), query::text(tenant.app_id),
                        query::text(tenant.owner_user_id), query::text(tenant.slug),
                        query::text(tenant.engine), query::text(tenant.database),
                        query::oid(tenant.database_oid), query::int4(tenant.hardening),
                        query::text(tenant.idempotency_key), query::jsonb(tenant.request),
                        query::interval(tenant.expires)});
}

void
mark_revoked(const char *db_id)
{
    static query::Query update = {
        "UPDATE appinfra.tenant SET status = 'revoked' WHERE db_id = $1 AND status = 'ready'"};

    query::run(update, {query::text(db_id)});
}

void
mark_retiring(const char *db_id, const Interval *retain)
{
    static query::Query update = {
        "UPDATE appinfra.tenant SET status = 'retiring', retain = $2, attempts = 0,"
        "       try_at = clock_timestamp(), retained_until = clock_timestamp() + $2"
        " WHERE db_id = $1"};

    query::run(update, {query::text(db_id), query::interval(retain)});
}

const char *
move_end(const char *db_id, const Interval *retain)
{
    static query::Query update = {
        "UPDATE appinfra.tenant SET retain = $2, retained_until = clock_timestamp() + $2,"
        "       attempts = 0, try_at = clock_timestamp()"
        " WHERE db_id = $1 RETURNING retained_until::text"};

    return query::run(update, {query::text(db_id), query::interval(retain)}).text(0, 1);
}

void
mark_retained(const char *db_id, const char *database)
{
    static query::Query update = {
        "UPDATE appinfra.tenant SET status = 'retained', database = $2::name, logins = 0,"
        "       attempts = 0, last_error = NULL, try_at = clock_timestamp() WHERE db_id = $1"};

    query::run(update, {query::text(db_id), query::text(database)});
}

void
record_database(const char *db_id, const char *database)
{
    static query::Query update = {
        "UPDATE appinfra.tenant SET database = $2::name, wanted_name = CASE"
        "         WHEN status IN ('ready', 'revoked', 'retiring') THEN $2::name"
        "         ELSE wanted_name END WHERE db_id = $1"};

    query::run(update, {query::text(db_id), query::text(database)});
}

void
mark_restored(const char *db_id, const char *database)
{
    static query::Query update = {
        "UPDATE appinfra.tenant SET status = 'ready', database = $2::name, retain = NULL,"
        "       retained_until = NULL, last_error = NULL, expiry_warned = 0, expires_at ="
        "         CASE WHEN expires_at > clock_timestamp() THEN expires_at END,"
        "       wanted_name = $2::name, notes = CASE WHEN wanted_name <> $2::name"
        "         THEN 'was ' || wanted_name || ' until that name was taken' ELSE notes END"
        " WHERE db_id = $1"};

    query::run(update, {query::text(db_id), query::text(database)});
}

bool
begin_to_drop(const char *db_id)
{
    static query::Query update = {
        "UPDATE appinfra.tenant SET status = 'dropping' WHERE db_id = $1 AND (status = 'dropping'"
        "    OR (status = 'retained' AND retained_until <= clock_timestamp()))"};

    return query::run(update, {query::text(db_id)}).count == 1;
}

void
mark_dropped(const char *db_id)
{
    static query::Query update = {
        "UPDATE appinfra.tenant SET status = 'dropped', last_error = NULL WHERE db_id = $1"};

    query::run(update, {query::text(db_id)});
}

void
put_off(const char *db_id, const char *error)
{
    static query::Query update = {"UPDATE appinfra.tenant SET " PUT_OFF " WHERE db_id = $1"};

    query::run(update, {query::text(db_id), query::text(error)});
}

int
next_login(const char *db_id)
{
    static query::Query update = {
        "UPDATE appinfra.tenant SET logins = logins + 1 WHERE db_id = $1 RETURNING logins"};
    query::Rows rows = query::run(update, {query::text(db_id)});

    if (rows.count != 1)
        elog(ERROR, "tenant \"%s\" has vanished", db_id);
    return rows.int4(0, 1);
}

const char *
set_rotation(const char *db_id, const Interval *rotate_after)
{
    static query::Query update = {"UPDATE appinfra.tenant SET rotate_after = $2 WHERE db_id = $1"
                                  " RETURNING rotate_after::text"};

    return query::run(update, {query::text(db_id), query::interval(rotate_after)}).text(0, 1);
}

Limits
read_limits(const char *db_id)
{
    static query::Query select = {
        "SELECT connection_limit, (extract(epoch FROM statement_timeout) * 1000)::int,"
        "       (extract(epoch FROM idle_in_transaction_timeout) * 1000)::int, disk_limit"
        "  FROM appinfra.tenant WHERE db_id = $1"};
    query::Rows rows = query::run(select, {query::text(db_id)});
    const auto column = [&](int number) -> std::optional<int32> {
        if (rows.count == 0 || rows.is_null(0, number))
            return std::nullopt;
        return rows.int4(0, number);
    };

    return {.connections = column(1),
            .statement_timeout = column(2),
            .idle_in_transaction_timeout = column(3),
            .disk = rows.count == 0 || rows.is_null(0, 4) ? std::nullopt
                                                          : std::optional<int64>(rows.int8(0, 4))};
}

void
set_limits(const char *db_id, const Limits &limits)
{
    /* -1: not given; of the disk -2 */
    static query::Query update = {
        "UPDATE appinfra.tenant SET"
        "       connection_limit = coalesce(nullif($2, -1), connection_limit),"
        "       statement_timeout = coalesce(make_interval(secs => nullif($3, -1) / 1000.0),"
        "                                    statement_timeout),"
        "       idle_in_transaction_timeout = coalesce("
        "           make_interval(secs => nullif($4, -1) / 1000.0), idle_in_transaction_timeout),"
        "       disk_limit = CASE $5 WHEN -2 THEN disk_limit WHEN -1 THEN NULL ELSE $5 END"
        " WHERE db_id = $1"};

    query::run(update, {query::text(db_id), query::int4(limits.connections.value_or(-1)),
                        query::int4(limits.statement_timeout.value_or(-1)),
                        query::int4(limits.idle_in_transaction_timeout.value_or(-1)),
                        query::int8(limits.disk.value_or(-2))});
}

const char *
set_expiry(const char *db_id, const Interval *expires)
{
    static query::Query update = {
        "UPDATE appinfra.tenant SET expiry_warned = 0, expires_at ="
        "         CASE WHEN $2 > interval '0' THEN clock_timestamp() + $2 END"
        " WHERE db_id = $1 RETURNING expires_at::text"};

    return query::run(update, {query::text(db_id), query::interval(expires)}).text(0, 1);
}

const char *
warn_of_expiry(const char *db_id, int warned)
{
    static query::Query update = {"UPDATE appinfra.tenant SET expiry_warned = $2 WHERE db_id = $1"
                                  " RETURNING expires_at::text"};

    return query::run(update, {query::text(db_id), query::int4(warned)}).text(0, 1);
}

void
set_owner(const char *db_id, const char *owner_user_id)
{
    static query::Query update = {"UPDATE appinfra.tenant SET owner_user_id = $2 WHERE db_id = $1"};

    query::run(update, {query::text(db_id), query::text(owner_user_id)});
}

void
set_hardening(const char *db_id, int hardening)
{
    static query::Query update = {"UPDATE appinfra.tenant SET hardening = $2 WHERE db_id = $1"};

    query::run(update, {query::text(db_id), query::int4(hardening)});
}

} // namespace appinfra::tenant
