/* Makes, finds and ends bindings. See binding.hpp. */
#include "delivery/binding.hpp"

#include "base/identifiers.hpp"
#include "base/lock.hpp"
#include "base/query.hpp"
#include "delivery/environment.hpp"

namespace appinfra::binding
{

Place
of_app(const char *app_id, Datum variables)
{
    return {.app_id = app_id,
            .target = identifiers::app_target(app_id),
            .variables = variables,
            .service_id = nullptr,
            .host_id = nullptr};
}

Place
of_service(const char *app_id, const char *service_id, const char *host_id)
{
    Datum variables[environment::service_variables.size()];
    int count = 0;

    for (const char *name : environment::service_variables)
        variables[count++] = CStringGetTextDatum(name);
    return {
        .app_id = app_id,
        .target = psprintf("%s/svc/%s/%s", identifiers::app_target(app_id),
                           identifiers::app_target(service_id), identifiers::app_target(host_id)),
        .variables =
            PointerGetDatum(construct_array(variables, count, TEXTOID, -1, false, TYPALIGN_INT)),
        .service_id = service_id,
        .host_id = host_id};
}

const Refusal *
reserve(const Place &place)
{
    static query::Query select = {
        "SELECT b.db_id FROM appinfra.variable v JOIN appinfra.binding b USING (binding_id)"
        " WHERE v.target = $1 AND v.variable = $2"};
    Datum *variables;
    int count;

    deconstruct_array(DatumGetArrayTypeP(place.variables), TEXTOID, -1, false, TYPALIGN_INT,
                      &variables, nullptr, &count);
    for (Datum datum : std::span(variables, count)) {
        const char *variable = TextDatumGetCString(datum);

        if (!lock::try_take(lock::Kind::variable, variable, place.target))
            return refuse(ERRCODE_LOCK_NOT_AVAILABLE,
                          psprintf("another transaction is providing \"%s\" for app \"%s\"",
                                   variable, place.app_id),
                          nullptr, "Repeat the call when that transaction has ended.");
        if (query::run(select, {query::text(place.target), query::text(variable)}) > 0)
            return refuse(
                ERRCODE_UNIQUE_VIOLATION,
                psprintf("app \"%s\" already has a database in \"%s\"", place.app_id, variable),
                psprintf("It is \"%s\".", query::text_at(0, 1)),
                "Another database of the same app needs another variable: pass env, for "
                "example env => '{\"REPORTS_DATABASE_URL\": \"owner\"}'.");
    }
    return nullptr;
}

int64
create(const Place &place, const char *db_id, const char *access)
{
    static query::Query insert = {
        "INSERT INTO appinfra.binding (db_id, app_id, target, variables, access, service_id,"
        "                              host_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING binding_id"};
    static query::Query hold = {
        "INSERT INTO appinfra.variable (target, variable, binding_id)"
        " SELECT $1, name, $3 FROM unnest($2) name"
        "     ON CONFLICT (target, variable) DO UPDATE SET binding_id = excluded.binding_id"};
    /* what the former holder has not unset yet, the new one overwrites */
    static query::Query overtake = {
        "UPDATE appinfra.publication p SET status = 'superseded', ended_at = clock_timestamp()"
        "  FROM appinfra.binding b"
        " WHERE p.binding_id = b.binding_id AND p.status = 'pending' AND b.ended"
        "   AND b.target = $1 AND b.variables <@ $2"};

    query::run(insert, {query::text(db_id), query::text(place.app_id), query::text(place.target),
                        query::texts(place.variables), query::text(access),
                        query::text(place.service_id), query::text(place.host_id)});
    int64 id = query::int8_at(0, 1);
    query::run(hold, {query::text(place.target), query::texts(place.variables), query::int8(id)});
    query::run(overtake, {query::text(place.target), query::texts(place.variables)});
    return id;
}

int64
next_version(int64 binding_id)
{
    /* an ended binding may still unset what nobody has taken since */
    static query::Query update = {
        "WITH held AS ("
        "  SELECT v.target, v.variable, max(v.version) OVER () + 1 AS version, count(*) OVER () AS "
        "n"
        "    FROM appinfra.binding b JOIN appinfra.variable v"
        "      ON v.target = b.target AND v.variable = ANY (b.variables)"
        "   WHERE b.binding_id = $1"
        "     AND (v.binding_id = b.binding_id OR (b.ended AND v.binding_id IS NULL))),"
        " moved AS ("
        "  UPDATE appinfra.variable v SET version = held.version FROM held, appinfra.binding b"
        "   WHERE b.binding_id = $1 AND held.n = cardinality(b.variables)"
        "     AND v.target = held.target AND v.variable = held.variable RETURNING v.version)"
        " UPDATE appinfra.binding SET version = (SELECT max(version) FROM moved)"
        "  WHERE binding_id = $1 AND EXISTS (SELECT FROM moved) RETURNING version"};

    return query::run(update, {query::int8(binding_id)}) == 1 ? query::int8_at(0, 1) : 0;
}

int64
find(const char *db_id, const char *variable)
{
    static query::Query select = {
        "SELECT binding_id FROM appinfra.binding"
        " WHERE db_id = $1 AND $2 = ANY (variables) AND service_id IS NULL AND NOT ended"};

    if (query::run(select, {query::text(db_id), query::text(variable)}) != 1)
        raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                     psprintf("database \"%s\" holds no variable \"%s\"", db_id,
                              identifiers::excerpt(variable)),
                     nullptr, "Look at env_keys in appinfra.databases."));
    return query::int8_at(0, 1);
}

void
end(int64 binding_id)
{
    static query::Query free_variables = {
        "UPDATE appinfra.variable SET binding_id = NULL WHERE binding_id = $1"};
    static query::Query mark = {"UPDATE appinfra.binding SET ended = true WHERE binding_id = $1"};

    query::run(free_variables, {query::int8(binding_id)});
    query::run(mark, {query::int8(binding_id)});
}

} // namespace appinfra::binding
