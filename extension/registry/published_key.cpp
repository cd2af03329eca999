/* Reads and writes keys that are published. See published_key.hpp. */
#include "registry/published_key.hpp"

#include "base/lock.hpp"
#include "base/secrets.hpp"
#include "registry/publication.hpp"

namespace appinfra::published_key
{

static Key from_row(const query::Rows &rows);
static Key succeed(const binding::Binding &binding, const bytea *digest);
static const char *new_id();
static void revoke_all(int64 binding_id, const char *reason);

Datum
variables()
{
    Datum names[] = {CStringGetTextDatum(url_variable), CStringGetTextDatum(key_variable)};

    return PointerGetDatum(
        construct_array(names, lengthof(names), TEXTOID, -1, false, TYPALIGN_INT));
}

Key
plan(const binding::Binding &binding, const char *created_by)
{
    static query::Query insert = {
        "INSERT INTO appinfra.key (key_id, db_id, role, env, line, created_by, binding_id)"
        " VALUES ($1, $2, $3, $6, $1, $4, $5) RETURNING number, key_id"};
    query::Rows made =
        query::run(insert, {query::text(new_id()), query::text(binding.owner_id),
                            query::text(key::role_of(binding.access)), query::text(created_by),
                            query::id(binding.id), query::text(env)});

    return from_row(made);
}

Key
hand_over(const binding::Binding &binding, int64 number, const bytea *digest)
{
    static query::Query select = {
        "SELECT number, key_id FROM appinfra.key"
        " WHERE binding_id = $1 AND digest IS NULL AND revoked_at IS NULL"
        " ORDER BY number IS NOT DISTINCT FROM $2 DESC, number DESC LIMIT 1 FOR NO KEY UPDATE"};
    static query::Query update = {"UPDATE appinfra.key SET digest = $2 WHERE number = $1"};
    query::Rows waiting = query::run(select, {query::id(binding.id), query::id(number)});

    if (waiting.count == 0)
        return succeed(binding, digest);
    query::run(update, {query::int8(waiting.int8(0, 1)), query::bytes(digest)});
    return from_row(waiting);
}

static Key
from_row(const query::Rows &rows)
{
    return {.number = rows.int8(0, 1), .key_id = rows.text(0, 2)};
}

/* Makes the successor of the binding's newest key. */
static Key
succeed(const binding::Binding &binding, const bytea *digest)
{
    static query::Query insert = {
        "INSERT INTO appinfra.key (key_id, db_id, role, env, name, line, replaces, created_by,"
        "                          binding_id, digest)"
        " SELECT $1, db_id, role, env, name, line, key_id, created_by, binding_id, $3"
        "   FROM appinfra.key WHERE binding_id = $2 ORDER BY number DESC LIMIT 1"
        " RETURNING number, key_id"};

    return from_row(
        query::run(insert, {query::text(new_id()), query::id(binding.id), query::bytes(digest)}));
}

static const char *
new_id()
{
    char *id = static_cast<char *>(palloc(key::id_length + 1));

    secrets::mint_text(id, key::id_length);
    return id;
}

void
withdraw(int64 number)
{
    static query::Query update = {
        "UPDATE appinfra.key SET digest = NULL WHERE number = $1 AND revoked_at IS NULL"};

    query::run(update, {query::id(number)});
}

void
mark_delivered(int64 binding_id, int64 number, const Interval *after)
{
    static query::Query mark = {
        "UPDATE appinfra.key SET published_at = clock_timestamp() WHERE number = $1"};
    static query::Query retire = {
        "UPDATE appinfra.key SET expires_at = least(expires_at, clock_timestamp() + $3)"
        " WHERE binding_id = $1 AND number < $2 AND revoked_at IS NULL"};

    query::run(mark, {query::id(number)});
    query::run(retire, {query::id(binding_id), query::id(number), query::interval(after)});
}

const binding::Binding *
find(const char *db_id, const char *target, const char *variable)
{
    static query::Query select = {"SELECT " BINDING_COLUMNS " FROM appinfra.binding b"
                                  " WHERE workspace = $1 AND target = $2 AND $3 = ANY (variables)"
                                  "   AND NOT ended"};
    query::Rows rows =
        query::run(select, {query::text(db_id), query::text(target), query::text(variable)});

    if (rows.count == 0)
        return nullptr;
    auto *found = static_cast<binding::Binding *>(palloc(sizeof(binding::Binding)));
    *found = binding::from_row(rows, 0);
    return found;
}

std::span<const binding::Binding>
of_tenant(const char *db_id)
{
    static query::Query select = {"SELECT " BINDING_COLUMNS " FROM appinfra.binding b"
                                  " WHERE workspace = $1 AND NOT ended ORDER BY binding_id"};
    query::Rows rows = query::run(select, {query::text(db_id)});

    return query::collect<binding::Binding>(
        rows, [&](uint64 row) { return binding::from_row(rows, row); });
}

void
end(int64 binding_id, const char *reason)
{
    publication::cancel_of_binding(binding_id);
    revoke_all(binding_id, reason);
    binding::end(binding_id);
    if (publication::may_be_delivered(binding_id))
        publication::enqueue(binding_id, 0);
}

/* Revokes the binding's keys; each one's lock first, as everywhere. */
static void
revoke_all(int64 binding_id, const char *reason)
{
    static query::Query select = {"SELECT key_id FROM appinfra.key"
                                  " WHERE binding_id = $1 AND revoked_at IS NULL ORDER BY number"};
    query::Rows rows = query::run(select, {query::id(binding_id)});

    for (uint64 i = 0; i < rows.count; i++) {
        lock::hold(lock::Kind::api_key, rows.text(i, 1));
        key::mark_revoked(rows.text(i, 1), reason);
    }
}

} // namespace appinfra::published_key
