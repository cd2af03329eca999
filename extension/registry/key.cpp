/* Reads and writes the table of keys. See key.hpp. */
#include "registry/key.hpp"

#include "base/identifiers.hpp"
#include "base/lock.hpp"
#include "base/query.hpp"
#include "base/settings.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::key
{

static Key read(const query::Rows &rows);

#define KEY_COLUMNS                                                                                \
    "SELECT k.key_id, k.db_id, k.role, k.env, k.name, k.line, t.status, " KEY_STATUS               \
    " = 'active', coalesce(k.last_used_at < clock_timestamp() - interval '1 minute', true),"       \
    "       k.last_used_at IS NOT NULL, k.valid_for"                                               \
    "  FROM appinfra.key k JOIN appinfra.tenant t USING (db_id) WHERE k.key_id = $1"

bool
Key::is_dbadmin() const
{
    return strcmp(role, "dbadmin") == 0;
}

bool
Key::is_reader() const
{
    return strcmp(role, "reader") == 0;
}

bool
Key::is_workspace_ready() const
{
    return strcmp(workspace_status, "ready") == 0;
}

static constexpr struct {
    const char *role;
    const char *access;
} roles[] = {{"dbadmin", "owner"}, {"dbuser", "writer"}, {"reader", "reader"}};

const char *
access_of(const char *role)
{
    for (const auto &known : roles)
        if (strcmp(known.role, role) == 0)
            return known.access;
    return nullptr;
}

const char *
role_of(const char *access)
{
    for (const auto &known : roles)
        if (strcmp(known.access, access) == 0)
            return known.role;
    elog(ERROR, "no key has the access \"%s\"", access);
}

const char *
text_of(const char *env, const char *key_id, const char *secret)
{
    return psprintf("acd_%s_%s_%s", env, key_id, secret);
}

const Key *
look(const char *key_id)
{
    static query::Query select = {KEY_COLUMNS};
    query::Rows rows = query::run(select, {query::text(key_id)});

    if (rows.count == 0)
        return nullptr;
    auto *key = static_cast<Key *>(palloc(sizeof(Key)));
    *key = read(rows);
    return key;
}

Key
lock(const char *key_id)
{
    static query::Query select = {KEY_COLUMNS " FOR NO KEY UPDATE OF k"};
    query::Rows rows = query::run(select, {query::text(key_id)});

    if (rows.count == 0)
        raise_unknown(key_id);
    return read(rows);
}

void
raise_unknown(const char *key_id)
{
    raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                 psprintf("key \"%s\" does not exist", identifiers::excerpt(key_id)), nullptr,
                 "Look at appinfra.keys."));
}

static Key
read(const query::Rows &rows)
{
    return {.key_id = rows.text(0, 1),
            .db_id = rows.text(0, 2),
            .role = rows.text(0, 3),
            .env = rows.text(0, 4),
            .name = rows.text(0, 5),
            .line = rows.text(0, 6),
            .workspace_status = rows.text(0, 7),
            .is_active = rows.boolean(0, 8),
            .is_use_old = rows.boolean(0, 9),
            .is_used = rows.boolean(0, 10),
            .valid_for = rows.is_null(0, 11) ? nullptr : DatumGetIntervalP(rows.datum(0, 11))};
}

std::optional<TimestampTz>
add(const NewKey &key)
{
    static query::Query insert = {
        "INSERT INTO appinfra.key (key_id, db_id, role, env, name, digest, line, replaces,"
        "       created_by, valid_for, expires_at, caller_line, idempotency_key)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp() + $10, $11, $12)"
        " RETURNING expires_at"};
    query::Rows rows =
        query::run(insert, {query::text(key.key_id), query::text(key.db_id), query::text(key.role),
                            query::text(key.env), query::text(key.name), query::bytes(key.digest),
                            query::text(key.line), query::text(key.replaces),
                            query::text(key.created_by), query::interval(key.valid_for),
                            query::text(key.caller_line), query::text(key.idempotency_key)});

    if (rows.is_null(0, 1))
        return std::nullopt;
    return DatumGetTimestampTz(rows.datum(0, 1));
}

int
count_active(const char *db_id)
{
    static query::Query select = {"SELECT count(*)::int FROM appinfra.key k WHERE db_id = $1"
                                  "   AND " KEY_STATUS " = 'active'"};

    return query::run(select, {query::text(db_id)}).int4(0, 1);
}

void
expire_after(const char *key_id, const Interval *time)
{
    static query::Query update = {
        "UPDATE appinfra.key SET expires_at = least(expires_at, clock_timestamp() + $2)"
        " WHERE key_id = $1"};

    query::run(update, {query::text(key_id), query::interval(time)});
}

bool
mark_revoked(const char *key_id, const char *reason)
{
    static query::Query update = {
        "UPDATE appinfra.key SET revoked_at = clock_timestamp(), reason = $2"
        " WHERE key_id = $1 AND revoked_at IS NULL"};
    bool revoked = query::run(update, {query::text(key_id), query::text(reason)}).count == 1;

    if (revoked)
        wakeup::wake_at_commit(wakeup::Work::keys);
    return revoked;
}

void
revoke_of_tenant(const char *db_id)
{
    static query::Query update = {
        "UPDATE appinfra.key SET revoked_at = clock_timestamp(), reason = 'database dropped'"
        " WHERE db_id = $1 AND revoked_at IS NULL"};

    if (query::run(update, {query::text(db_id)}).count > 0)
        wakeup::wake_at_commit(wakeup::Work::keys);
}

void
mark_used(const char *key_id)
{
    static query::Query update = {
        "UPDATE appinfra.key SET last_used_at = clock_timestamp()"
        " WHERE key_id = (SELECT key_id FROM appinfra.key WHERE key_id = $1"
        "                    FOR NO KEY UPDATE SKIP LOCKED)"};

    query::run(update, {query::text(key_id)});
}

const char *
successor_of(const char *key_id)
{
    static query::Query select = {
        "SELECT key_id FROM appinfra.key WHERE replaces = $1 AND revoked_at IS NULL"
        " ORDER BY created_at DESC LIMIT 1"};
    query::Rows rows = query::run(select, {query::text(key_id)});

    return rows.count == 0 ? nullptr : rows.text(0, 1);
}

const char *
made_by(const char *caller_line, const char *idempotency_key)
{
    static query::Query select = {
        "SELECT key_id FROM appinfra.key WHERE caller_line = $1 AND idempotency_key = $2"
        "   AND created_at > clock_timestamp() - make_interval(secs => $3)"
        " ORDER BY created_at DESC LIMIT 1"};
    query::Rows rows = query::run(select, {query::text(caller_line), query::text(idempotency_key),
                                           query::float8(settings::call_retention)});

    return rows.count == 0 ? nullptr : rows.text(0, 1);
}

} // namespace appinfra::key
