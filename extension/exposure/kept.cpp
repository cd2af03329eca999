/* Keeps looks in the registry. See kept.hpp. */
#include "exposure/kept.hpp"

#include "base/identifiers.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "guard/hardening_script.hpp"

namespace appinfra::exposure::kept
{

static void forget_gone();
static void confirm(const query::Rows &rows);
static Look look_at(const query::Rows &rows, uint64 row);

/* The databases d of tenants t. */
#define TENANTS_DATABASES                                                                          \
    "appinfra.tenant t JOIN pg_catalog.pg_database d ON d.datname = t.database"                    \
    "   AND t.status NOT IN ('dropping', 'dropped')"

/* The group that DATABASE_URL of tenant t enters as: whether tables bind their owner matters. */
#define LOGIN_GROUP                                                                                \
    "coalesce((SELECT " SQL_GROUP_ROLE(                                                            \
        "t.database", "b.access") " FROM appinfra.binding b WHERE b.db_id = t.db_id AND NOT "      \
                                  "b.ended AND 'DATABASE_URL' = ANY (b.variables) LIMIT 1), '')"

#define WAS_CHANGED "EXISTS (SELECT FROM appinfra.look_wanted w WHERE w.db_id = t.db_id)"

/* A failure is not kept for long: what was in the way may be gone. */
constexpr int failure_seconds = 60;

/* Statistics of a session reach everybody within a minute: a confirmation is of so long ago. */
constexpr int statistics_seconds = 60;

/* Below so long an interval that would be too long ago: nothing is confirmed. */
constexpr int shortest_to_confirm = 10 * statistics_seconds;

std::span<Place>
places(const char *db_id)
{
    static query::Query select = {
        "SELECT d.oid, t.database::text, t.db_id, " LOGIN_GROUP ", l.db_id IS NOT NULL,"
        "       l.checked_at, l.found, l.failure,"
        "       l.db_id IS NULL OR l.failure IS NOT NULL OR " WAS_CHANGED
        "       OR l.checked_at < clock_timestamp() - make_interval(secs => $2)"
        "  FROM " TENANTS_DATABASES " LEFT JOIN appinfra.look l USING (db_id)"
        " WHERE $1 IS NULL OR t.db_id = $1 ORDER BY 9 DESC, l.checked_at NULLS FIRST, t.db_id"};
    query::Rows rows =
        query::run(select, {query::text(db_id), query::float8(settings::exposures_interval)});

    return query::collect<Place>(rows, [&](uint64 i) {
        bool is_kept = rows.boolean(i, 5);

        return Place{.look = look_at(rows, i),
                     .is_due = rows.boolean(i, 9),
                     .is_kept = is_kept,
                     .checked_at = is_kept ? DatumGetTimestampTz(rows.datum(i, 6)) : 0,
                     .found = is_kept ? rows.datum(i, 7) : static_cast<Datum>(0),
                     .failure = rows.text(i, 8)};
    });
}

/*
 * All are renewed together when the first comes near the end of its interval, and long before it
 * has ended: most are confirmed by one query.
 */
bool
has_due()
{
    static query::Query select = {
        "SELECT EXISTS (SELECT FROM appinfra.look_wanted w JOIN (" TENANTS_DATABASES
        ") USING (db_id))"
        "    OR EXISTS (SELECT FROM " TENANTS_DATABASES " LEFT JOIN appinfra.look l USING (db_id)"
        "                WHERE l.db_id IS NULL"
        "                   OR l.checked_at < clock_timestamp() - make_interval(secs => 0.8 * $1)"
        "                   OR (l.failure IS NOT NULL"
        "                  AND l.checked_at < clock_timestamp() - make_interval(secs => $2)))"
        "    OR EXISTS (SELECT FROM appinfra.look l WHERE NOT EXISTS (SELECT "
        "FROM " TENANTS_DATABASES "                WHERE t.db_id = l.db_id))"};

    return query::run(select,
                      {query::float8(settings::exposures_interval), query::float8(failure_seconds)})
        .boolean(0, 1);
}

/* Rows ever inserted, updated and deleted in database d, its catalogs included. */
#define ROWS_CHANGED                                                                               \
    "d.oid, pg_stat_get_db_tuples_inserted(d.oid), pg_stat_get_db_tuples_updated(d.oid),"          \
    " pg_stat_get_db_tuples_deleted(d.oid), pg_stat_get_db_stat_reset_time(d.oid)"

/* Labels l of ours. */
#define LABELS_OF(catalog)                                                                         \
    "pg_catalog.pg_shseclabel l WHERE l.provider = 'appinfra'"                                     \
    " AND l.classoid = 'pg_catalog." catalog "'::regclass"

std::span<Due>
next_due(int limit, MemoryContext memory)
{
    static query::Query select = {
        "WITH label AS MATERIALIZED (SELECT l.objoid, l.label FROM " LABELS_OF(
            "pg_authid") "),"
                         " mine AS MATERIALIZED (SELECT split_part(l.label, ' ', 1) AS db_id, "
                         "string_agg("
                         "         concat_ws(' ', a.oid, a.rolname, a.rolsuper, l.label), ',' "
                         "ORDER BY a.oid) AS roles"
                         "    FROM label l JOIN pg_catalog.pg_authid a ON a.oid = l.objoid GROUP "
                         "BY 1),"
                         " host AS MATERIALIZED (SELECT concat_ws('|', $1, $2, "
                         "pg_postmaster_start_time(),"
                         "         current_setting('server_version_num'),"
                         "         (SELECT string_agg(concat_ws(' ', a.oid, a.rolname, "
                         "a.rolsuper), ',' ORDER BY a.oid)"
                         "            FROM pg_catalog.pg_authid a LEFT JOIN label l ON l.objoid = "
                         "a.oid"
                         "           WHERE l.objoid IS NULL),"
                         "         (SELECT string_agg(concat_ws(' ', " ROWS_CHANGED
                         "), ',' ORDER BY d.oid)"
                         "            FROM pg_catalog.pg_database d WHERE d.oid IN (SELECT "
                         "l.objoid FROM " LABELS_OF(
                             "pg_database") " AND l.label ~ '^- template '))) AS basis),"
                                            " place AS (SELECT t.db_id, t.database, "
                                            "d.oid, " LOGIN_GROUP " AS login_group,"
                                            "         l.checked_at, l.failure, l.basis AS "
                                            "known, " WAS_CHANGED " AS was_changed,"
                                            "         CASE WHEN "
                                            "current_setting('track_counts')::boolean THEN "
                                            "md5(concat_ws('|', h.basis,"
                                            "              t.database, " LOGIN_GROUP
                                            ", m.roles, (SELECT l.label FROM " LABELS_OF(
                                                "pg_database") " AND l.objoid = "
                                                               "d.oid), " ROWS_CHANGED
                                                               ")) END AS basis"
                                                               "    FROM " TENANTS_DATABASES
                                                               " CROSS JOIN host h"
                                                               "    LEFT JOIN mine m USING (db_id) "
                                                               "LEFT JOIN appinfra.look l USING "
                                                               "(db_id))"
                                                               "SELECT oid, database::text, db_id, "
                                                               "login_group, basis, was_changed,"
                                                               "       NOT was_changed AND failure "
                                                               "IS NULL AND basis = known AND $3 "
                                                               ">= $4"
                                                               "  FROM place WHERE was_changed OR "
                                                               "checked_at IS NULL"
                                                               "    OR checked_at < "
                                                               "clock_timestamp() - "
                                                               "make_interval(secs => 0.5 * $3)"
                                                               "    OR (failure IS NOT NULL AND "
                                                               "checked_at < clock_timestamp() - "
                                                               "make_interval(secs => $5))"
                                                               " ORDER BY 6 DESC, checked_at NULLS "
                                                               "LAST, db_id"};
    uint64 count = 0;

    forget_gone();
    query::Rows rows = query::run(
        select, {query::text(settings::effective_extensions()), query::int4(hardening::version),
                 query::float8(settings::exposures_interval), query::float8(shortest_to_confirm),
                 query::float8(failure_seconds)});
    confirm(rows);
    auto *found = static_cast<Due *>(MemoryContextAlloc(memory, (limit + 1) * sizeof(Due)));
    in_context(memory, [&] {
        for (uint64 i = 0; i < rows.count && count < static_cast<uint64>(limit); i++)
            if (!rows.boolean(i, 7))
                found[count++] = {.look = look_at(rows, i),
                                  .basis = rows.text(i, 5),
                                  .was_changed = rows.boolean(i, 6)};
    });
    return {found, count};
}

/* Nothing is kept of a database that is gone. */
static void
forget_gone()
{
    static query::Query gone[] = {
        {"DELETE FROM appinfra.look l WHERE NOT EXISTS (SELECT FROM " TENANTS_DATABASES
         " WHERE t.db_id = l.db_id)"},
        {"DELETE FROM appinfra.look_wanted l WHERE NOT EXISTS (SELECT FROM " TENANTS_DATABASES
         " WHERE t.db_id = l.db_id)"}};

    for (query::Query &query : gone)
        query::run(query);
}

/* What is kept of those in which nothing has changed is as good as a new look. */
static void
confirm(const query::Rows &rows)
{
    static query::Query update = {
        "UPDATE appinfra.look SET checked_at = clock_timestamp() - make_interval(secs => $2)"
        " WHERE db_id = ANY ($1)"};
    ArrayBuildState *same = nullptr;

    for (uint64 i = 0; i < rows.count; i++)
        if (rows.boolean(i, 7))
            same = accumArrayResult(same, rows.datum(i, 3), false, TEXTOID, CurrentMemoryContext);
    if (same != nullptr)
        query::run(update, {query::texts(makeArrayResult(same, CurrentMemoryContext)),
                            query::float8(statistics_seconds)});
}

/* Returns the look that the first four columns describe. */
static Look
look_at(const query::Rows &rows, uint64 row)
{
    Look look = {.database = rows.oid(row, 1),
                 .name = {},
                 .db_id = {},
                 .login_group = {},
                 .system_digest = {}};

    strlcpy(look.name, rows.text(row, 2), sizeof(look.name));
    strlcpy(look.db_id, rows.text(row, 3), sizeof(look.db_id));
    strlcpy(look.login_group, rows.text(row, 4), sizeof(look.login_group));
    return look;
}

Datum
changes_of(const char *db_id)
{
    static query::Query select = {"SELECT coalesce(array_agg(id::text), '{}')"
                                  "  FROM appinfra.look_wanted WHERE db_id = $1"};

    return query::run(select, {query::text(db_id)}).datum(0, 1);
}

void
keep(const Due &due, Datum found, const char *failure, Datum changes)
{
    static query::Query insert = {
        "INSERT INTO appinfra.look (db_id, checked_at, basis, found, failure)"
        " VALUES ($1, now(), $2, $3, $4) ON CONFLICT (db_id) DO UPDATE"
        " SET checked_at = now(), basis = EXCLUDED.basis, found = EXCLUDED.found,"
        "     failure = EXCLUDED.failure"};
    static query::Query remove = {"DELETE FROM appinfra.look_wanted WHERE id = ANY ($1::bigint[])"};

    query::run(insert, {query::text(due.look.db_id), query::text(due.basis), query::texts(found),
                        query::text(failure)});
    query::run(remove, {query::texts(changes)});
}

} // namespace appinfra::exposure::kept
