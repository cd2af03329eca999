/* Where a binding is: a target, and variables there. Part of binding.hpp. */
#include "registry/binding.hpp"

#include "base/identifiers.hpp"
#include "base/lock.hpp"

namespace appinfra::binding
{

Datum
one_variable(const char *name)
{
    Datum element = CStringGetTextDatum(name);

    return PointerGetDatum(construct_array(&element, 1, TEXTOID, -1, false, TYPALIGN_INT));
}

Place
of_app(const char *app_id, Datum variables, bool pooled, const char *container)
{
    const char *own = identifiers::app_target(app_id);

    return {.app_id = app_id,
            .target = container != nullptr ? psprintf("%s/%s", own, container) : own,
            .variables = variables,
            .service_id = nullptr,
            .host_id = nullptr,
            .pooled = pooled,
            .container = container};
}

Place
of_service(const char *app_id, const char *service_id, const char *host_id)
{
    Datum variables[service_variables.size()];
    int count = 0;

    for (const char *name : service_variables)
        variables[count++] = CStringGetTextDatum(name);
    return {
        .app_id = app_id,
        .target = psprintf("%s/svc/%s/%s", identifiers::app_target(app_id),
                           identifiers::app_target(service_id), identifiers::app_target(host_id)),
        .variables =
            PointerGetDatum(construct_array(variables, count, TEXTOID, -1, false, TYPALIGN_INT)),
        .service_id = service_id,
        .host_id = host_id,
        .pooled = false,
        .container = nullptr};
}

const char *
name_of(const Place &place)
{
    const char *app = psprintf("app \"%s\"", identifiers::excerpt(place.app_id));

    return place.container == nullptr
               ? app
               : psprintf("container \"%s\" of %s", identifiers::excerpt(place.container), app);
}

const char *
first_variable(Datum variables)
{
    Datum *names;
    int count;

    deconstruct_array(DatumGetArrayTypeP(variables), TEXTOID, -1, false, TYPALIGN_INT, &names,
                      nullptr, &count);
    return TextDatumGetCString(names[0]);
}

const Refusal *
reserve(const Place &place)
{
    static query::Query select = {
        "SELECT coalesce(b.db_id, b.bucket_id, b.workspace), b.bucket_id IS NOT NULL"
        "  FROM appinfra.variable v JOIN appinfra.binding b USING (binding_id)"
        " WHERE v.target = $1 AND v.variable = $2"};
    Datum *variables;
    int count;

    deconstruct_array(DatumGetArrayTypeP(place.variables), TEXTOID, -1, false, TYPALIGN_INT,
                      &variables, nullptr, &count);
    for (Datum datum : std::span(variables, count)) {
        const char *variable = TextDatumGetCString(datum);

        if (!lock::try_take(lock::Kind::variable, variable, place.target))
            return refuse(ERRCODE_LOCK_NOT_AVAILABLE,
                          psprintf("another transaction is providing \"%s\" for %s", variable,
                                   name_of(place)),
                          nullptr, "Repeat the call when that transaction has ended.");
        query::Rows holder = query::run(select, {query::text(place.target), query::text(variable)});
        if (holder.count > 0)
            return refuse(ERRCODE_UNIQUE_VIOLATION,
                          psprintf("%s already has a %s in \"%s\"", name_of(place),
                                   holder.boolean(0, 2) ? "bucket" : "database", variable),
                          psprintf("It is \"%s\".", holder.text(0, 1)),
                          "Another database of the same app needs another variable: pass env, for "
                          "example env => '{\"REPORTS_DATABASE_URL\": \"owner\"}'.");
    }
    return nullptr;
}

} // namespace appinfra::binding
