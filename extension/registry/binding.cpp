/* Makes, finds and ends bindings. See binding.hpp. */
#include "registry/binding.hpp"

#include "base/identifiers.hpp"
#include "registry/put_off.hpp"

namespace appinfra::binding
{

static void hold_variables(const Place &place, int64 id);

Binding
from_row(const query::Rows &rows, uint64 row)
{
    return {.id = rows.int8(row, 1),
            .owner_id = rows.text(row, 2),
            .kind = rows.text(row, 3),
            .app_id = rows.text(row, 4),
            .target = rows.text(row, 5),
            .producer = rows.text(row, 6),
            .access = rows.text(row, 7),
            .variables = rows.datum(row, 8),
            .service_id = rows.text(row, 9),
            .host_id = rows.text(row, 10),
            .ended = rows.boolean(row, 11),
            .pooled = rows.boolean(row, 12),
            .container = rows.text(row, 13)};
}

int64
create(const Place &place, const char *db_id, const char *access)
{
    static query::Query insert = {
        "INSERT INTO appinfra.binding (db_id, app_id, target, variables, access, service_id,"
        "                              host_id, via, container)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, CASE WHEN $8 THEN 'pooler' END, $9)"
        " RETURNING binding_id"};
    query::Rows made = query::run(insert, {query::text(db_id), query::text(place.app_id),
                                           query::text(place.target), query::texts(place.variables),
                                           query::text(access), query::text(place.service_id),
                                           query::text(place.host_id), query::boolean(place.pooled),
                                           query::text(place.container)});
    int64 id = made.int8(0, 1);

    hold_variables(place, id);
    return id;
}

int64
create_for_bucket(const Place &place, const char *bucket_id)
{
    static query::Query insert = {
        "INSERT INTO appinfra.binding (bucket_id, app_id, target, variables, access, producer)"
        " VALUES ($1, $2, $3, $4, 'writer', 'storage') RETURNING binding_id"};
    query::Rows made =
        query::run(insert, {query::text(bucket_id), query::text(place.app_id),
                            query::text(place.target), query::texts(place.variables)});
    int64 id = made.int8(0, 1);

    hold_variables(place, id);
    return id;
}

int64
create_for_key(const Place &place, const char *db_id, const char *access)
{
    static query::Query insert = {
        "INSERT INTO appinfra.binding (workspace, app_id, target, variables, access)"
        " VALUES ($1, $2, $3, $4, $5) RETURNING binding_id"};
    query::Rows made = query::run(insert, {query::text(db_id), query::text(place.app_id),
                                           query::text(place.target), query::texts(place.variables),
                                           query::text(access)});
    int64 id = made.int8(0, 1);

    hold_variables(place, id);
    return id;
}

/* Gives the variables of the place to the binding. */
static void
hold_variables(const Place &place, int64 id)
{
    static query::Query hold = {
        "INSERT INTO appinfra.variable (target, variable, binding_id)"
        " SELECT $1, name, $3 FROM unnest($2) name"
        "     ON CONFLICT (target, variable) DO UPDATE SET binding_id = excluded.binding_id,"
        "                                                     companion = NULL"};

    query::run(hold, {query::text(place.target), query::texts(place.variables), query::id(id)});
}

/*
 * All variables of a binding get one version: one more than the highest that any of them has had,
 * than those of the target's companions, and than the host's floor.
 * Nothing moves unless the binding may write all of them.
 */
int64
next_version(int64 binding_id)
{
    static query::Query update = {
        /* the variables that the binding may write, the version they get, how many they are */
        "WITH held AS ("
        "  SELECT v.target, v.variable, 1 + greatest(max(v.version) OVER (),"
        "         (SELECT max(c.version) FROM appinfra.variable c"
        "           WHERE c.target = b.target AND c.companion IS NOT NULL),"
        "         (SELECT floor FROM appinfra.host)) AS version, count(*) OVER () AS n"
        "    FROM appinfra.binding b JOIN appinfra.variable v"
        "      ON v.target = b.target AND v.variable = ANY (b.variables)"
        "   WHERE b.binding_id = $1"
        /* it holds them, or it has ended and may still unset what nobody has filled since */
        "     AND (v.binding_id = b.binding_id OR (b.ended AND NOT " VARIABLE_IS_FILLED "))),"
        " moved AS ("
        "  UPDATE appinfra.variable v SET version = held.version FROM held, appinfra.binding b"
        /* all or none */
        "   WHERE b.binding_id = $1 AND held.n = cardinality(b.variables)"
        "     AND v.target = held.target AND v.variable = held.variable RETURNING v.version)"
        " UPDATE appinfra.binding SET version = (SELECT max(version) FROM moved)"
        "  WHERE binding_id = $1 AND EXISTS (SELECT FROM moved) RETURNING version"};
    query::Rows moved = query::run(update, {query::id(binding_id)});

    return moved.count == 1 ? moved.int8(0, 1) : 0;
}

const Binding *
look_up(const char *db_id, const Place &place)
{
    static query::Query select = {
        "SELECT " BINDING_COLUMNS " FROM appinfra.binding b"
        " WHERE db_id = $1 AND target = $2 AND variables = $3 AND NOT ended"};
    query::Rows rows = query::run(
        select, {query::text(db_id), query::text(place.target), query::texts(place.variables)});

    return rows.count == 1
               ? query::collect<Binding>(rows, [&](uint64 row) { return from_row(rows, row); })
                     .data()
               : nullptr;
}

Binding
find(const char *db_id, const char *own_app, const Place &place)
{
    const Binding *found = look_up(db_id, place);
    bool own = place.container == nullptr && strcmp(place.app_id, own_app) == 0;

    if (found == nullptr)
        raise(
            refuse(ERRCODE_UNDEFINED_OBJECT,
                   psprintf("database \"%s\" holds no variable \"%s\"%s", db_id,
                            identifiers::excerpt(first_variable(place.variables)),
                            own ? "" : psprintf(" of %s", name_of(place))),
                   nullptr,
                   own ? "Look at env_keys in appinfra.databases." : "Look at appinfra.bindings."));
    return *found;
}

void
set_access(int64 binding_id, const char *access, bool pooled)
{
    static query::Query update = {
        "UPDATE appinfra.binding SET access = $2, via = CASE WHEN $3 THEN 'pooler' END"
        " WHERE binding_id = $1"};

    query::run(update, {query::id(binding_id), query::text(access), query::boolean(pooled)});
}

int64
find_service(const char *db_id, const char *service_id, const char *host_id)
{
    static query::Query select = {
        "SELECT binding_id FROM appinfra.binding"
        " WHERE db_id = $1 AND service_id = $2 AND host_id = $3 AND NOT ended"};
    query::Rows rows =
        query::run(select, {query::text(db_id), query::text(service_id), query::text(host_id)});

    return rows.count == 1 ? rows.int8(0, 1) : 0;
}

Binding
service_of(const char *db_id, const char *service_id, const char *host_id)
{
    int64 id = find_service(db_id, service_id, host_id);

    if (id == 0)
        raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                     psprintf("service \"%s\" on host \"%s\" has no user here",
                              identifiers::excerpt(service_id), identifiers::excerpt(host_id)),
                     nullptr, "Look at appinfra.bindings."));
    return read(id);
}

/*
 * Of bindings of the same variables, the latest: earlier ones were restored as this one. Those of
 * the app's own environment come first, and of these DATABASE_URL, whose login has the plain name.
 */
std::span<const Binding>
of_tenant(const char *db_id, Which which)
{
    static query::Query select = {
        "SELECT " BINDING_COLUMNS " FROM ("
        "  SELECT DISTINCT ON (target, variables) * FROM appinfra.binding"
        "   WHERE db_id = $1 AND (NOT ended OR (restorable AND $2))"
        "   ORDER BY target, variables, binding_id DESC) b JOIN appinfra.tenant t USING (db_id)"
        " ORDER BY b.app_id <> t.app_id OR b.container IS NOT NULL,"
        "          b.variables[1] <> 'DATABASE_URL', b.target, b.variables"};
    query::Rows rows =
        query::run(select, {query::text(db_id), query::boolean(which == Which::restorable)});

    return query::collect<Binding>(rows, [&](uint64 row) { return from_row(rows, row); });
}

Binding
read(int64 binding_id)
{
    static query::Query select = {"SELECT " BINDING_COLUMNS " FROM appinfra.binding b"
                                  " WHERE binding_id = $1"};

    return from_row(query::run(select, {query::id(binding_id)}), 0);
}

Binding
lock(int64 binding_id)
{
    static query::Query select = {"SELECT " BINDING_COLUMNS " FROM appinfra.binding b"
                                  " WHERE binding_id = $1 FOR NO KEY UPDATE"};

    return from_row(query::run(select, {query::id(binding_id)}), 0);
}

bool
try_lock(int64 binding_id)
{
    static query::Query select = {"SELECT FROM appinfra.binding WHERE binding_id = $1"
                                  "   FOR NO KEY UPDATE SKIP LOCKED"};

    return query::run(select, {query::id(binding_id)}).count == 1;
}

std::span<const int64>
holders(int64 binding_id)
{
    static query::Query select = {"SELECT DISTINCT coalesce(v.binding_id, b.binding_id) AS id"
                                  "  FROM appinfra.binding b JOIN appinfra.variable v"
                                  "    ON v.target = b.target AND v.variable = ANY (b.variables)"
                                  " WHERE b.binding_id = $1 ORDER BY id"};
    query::Rows rows = query::run(select, {query::id(binding_id)});

    return query::collect<int64>(rows, [&](uint64 row) { return rows.int8(row, 1); });
}

void
put_off(int64 binding_id, const char *error)
{
    static query::Query update = {"UPDATE appinfra.binding SET " PUT_OFF " WHERE binding_id = $1"};

    query::run(update, {query::id(binding_id), query::text(error)});
}

void
forget_failures(int64 binding_id)
{
    static query::Query update = {
        "UPDATE appinfra.binding SET attempts = 0, last_error = NULL, try_at = clock_timestamp()"
        " WHERE binding_id = $1 AND attempts > 0"};

    query::run(update, {query::id(binding_id)});
}

void
keep_restorable(const char *db_id)
{
    static query::Query update = {
        "UPDATE appinfra.binding SET restorable = true WHERE db_id = $1 AND NOT ended"};

    query::run(update, {query::text(db_id)});
}

void
keep_restorable(int64 binding_id)
{
    static query::Query update = {
        "UPDATE appinfra.binding SET restorable = true WHERE binding_id = $1 AND NOT ended"};

    query::run(update, {query::id(binding_id)});
}

void
forget_restorable(int64 binding_id)
{
    static query::Query update = {
        "UPDATE appinfra.binding SET restorable = false WHERE binding_id = $1"};

    query::run(update, {query::id(binding_id)});
}

void
end(int64 binding_id)
{
    static query::Query free_variables = {
        "UPDATE appinfra.variable SET binding_id = NULL WHERE binding_id = $1"};
    static query::Query mark = {"UPDATE appinfra.binding SET ended = true WHERE binding_id = $1"};

    query::run(free_variables, {query::id(binding_id)});
    query::run(mark, {query::id(binding_id)});
}

} // namespace appinfra::binding
