/*
 * The SQL entry points of a database's variables, thin: binding and unbinding them. What each does,
 * and its errors, stand in its COMMENT in the install script.
 */
#include "base/installation.hpp"
#include "entry/arguments.hpp"
#include "tenant/unbinding.hpp"
#include "tenant/variables.hpp"

using namespace appinfra;
using namespace appinfra::arguments;

extern "C" {
SQL_FUNCTION(appinfra_bind_variables);
SQL_FUNCTION(appinfra_unbind_variables);
SQL_FUNCTION(appinfra_bind_app);
}

static std::span<const char *const> names_argument(FunctionCallInfo fcinfo, int n,
                                                   const char *name);

Datum
appinfra_bind_variables(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *db_id = text_argument(fcinfo, 0, "db_id");

    require_argument(fcinfo, 1, "env");
    require_argument(fcinfo, 2, "publish");
    PG_RETURN_DATUM(connection_row(
        fcinfo,
        variables::bind({.db_id = db_id,
                         .environment = {.app_id = nullptr, .container = optional_text(fcinfo, 3)},
                         .env = PG_GETARG_JSONB_P(1),
                         .publish = PG_GETARG_BOOL(2)})));
}

Datum
appinfra_bind_app(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *db_id = text_argument(fcinfo, 0, "db_id");
    const char *app_id = text_argument(fcinfo, 1, "app_id");

    require_argument(fcinfo, 2, "env");
    require_argument(fcinfo, 3, "publish");
    PG_RETURN_DATUM(connection_row(
        fcinfo,
        variables::bind({.db_id = db_id,
                         .environment = {.app_id = app_id, .container = optional_text(fcinfo, 4)},
                         .env = PG_GETARG_JSONB_P(2),
                         .publish = PG_GETARG_BOOL(3)})));
}

Datum
appinfra_unbind_variables(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *db_id = text_argument(fcinfo, 0, "db_id");
    std::span<const char *const> names = names_argument(fcinfo, 1, "variables");

    unbinding::unbind(db_id, names,
                      {.app_id = optional_text(fcinfo, 3), .container = optional_text(fcinfo, 2)});
    PG_RETURN_VOID();
}

/* Returns the elements of a text[]; raises 22004 for NULL, also as an element. */
static std::span<const char *const>
names_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
    Datum *elements;
    bool *nulls;
    int count;

    require_argument(fcinfo, n, name);
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls,
                      &count);
    auto *names = static_cast<const char **>(palloc((count + 1) * sizeof(char *)));
    for (int i = 0; i < count; i++) {
        if (nulls[i])
            raise(refuse(ERRCODE_NULL_VALUE_NOT_ALLOWED, psprintf("an element of %s is NULL", name),
                         "Each needs a value."));
        names[i] = TextDatumGetCString(elements[i]);
    }
    return {names, static_cast<size_t>(count)};
}
