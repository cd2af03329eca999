/*
 * The SQL entry points of a database's variables, thin: binding and unbinding them. What each does,
 * and its errors, stand in its COMMENT in the install script.
 */
#include "base/installation.hpp"
#include "entry/arguments.hpp"
#include "tenant/limits.hpp"
#include "tenant/unbinding.hpp"
#include "tenant/variables.hpp"

using namespace appinfra;
using namespace appinfra::arguments;

extern "C" {
SQL_FUNCTION(appinfra_bind_variables);
SQL_FUNCTION(appinfra_unbind_variables);
SQL_FUNCTION(appinfra_bind_app);
SQL_FUNCTION(appinfra_alter_tenant);
}

static std::optional<int32> timeout_argument(FunctionCallInfo fcinfo, int n, const char *name);
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

Datum
appinfra_alter_tenant(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *db_id = text_argument(fcinfo, 0, "db_id");
    tenant::Limits wanted = {};

    if (!PG_ARGISNULL(1))
        wanted.connections = PG_GETARG_INT32(1);
    wanted.statement_timeout = timeout_argument(fcinfo, 2, "statement_timeout");
    wanted.idle_in_transaction_timeout = timeout_argument(fcinfo, 3, "idle_in_transaction_timeout");
    if (!PG_ARGISNULL(4))
        wanted.disk = PG_GETARG_INT64(4);
    limits::alter(db_id, wanted,
                  PG_ARGISNULL(5) ? nullptr : duration_argument(fcinfo, 5, "expires"));
    PG_RETURN_VOID();
}

/* Returns a time in milliseconds, or none for NULL. Raises 22023 where that is no time-out. */
static std::optional<int32>
timeout_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
    if (PG_ARGISNULL(n))
        return std::nullopt;
    const Interval *time = duration_argument(fcinfo, n, name);
    int64 days = static_cast<int64>(time->month) * DAYS_PER_MONTH + time->day;
    int64 microseconds = days * USECS_PER_DAY + time->time;

    if (microseconds / 1000 > INT_MAX || (microseconds > 0 && microseconds < 1000))
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                     psprintf("%s is too %s", name, microseconds < 1000 ? "short" : "long"),
                     "It is 0, for none, or 1 ms to 2147483647 ms, which are 24 days."));
    return static_cast<int32>(microseconds / 1000);
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
