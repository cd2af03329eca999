/* The SQL entry points of service users, thin. What each does stands in its COMMENT. */
#include "base/identifiers.hpp"
#include "base/installation.hpp"
#include "entry/arguments.hpp"
#include "tenant/rotation.hpp"
#include "tenant/services.hpp"

using namespace appinfra;
using namespace appinfra::arguments;

extern "C" {
SQL_FUNCTION(appinfra_create_service_user);
SQL_FUNCTION(appinfra_drop_service_user);
SQL_FUNCTION(appinfra_rotate_service_user);
SQL_FUNCTION(appinfra_set_services);
}

static const char *service_argument(FunctionCallInfo fcinfo, int n, const char *name);

Datum
appinfra_create_service_user(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *db_id = text_argument(fcinfo, 0, "db_id");
    const char *service_id = service_argument(fcinfo, 1, "service_id");
    const char *host_id = service_argument(fcinfo, 2, "host_id");
    const char *access = text_argument(fcinfo, 3, "access");

    require_argument(fcinfo, 4, "publish");
    PG_RETURN_DATUM(connection_row(
        fcinfo,
        services::create(db_id, {.service_id = service_id, .host_id = host_id, .access = access},
                         PG_GETARG_BOOL(4))));
}

Datum
appinfra_drop_service_user(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *db_id = text_argument(fcinfo, 0, "db_id");
    const char *service_id = service_argument(fcinfo, 1, "service_id");

    services::drop(db_id, service_id, service_argument(fcinfo, 2, "host_id"));
    PG_RETURN_VOID();
}

Datum
appinfra_rotate_service_user(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *db_id = text_argument(fcinfo, 0, "db_id");
    const char *service_id = service_argument(fcinfo, 1, "service_id");
    const char *host_id = service_argument(fcinfo, 2, "host_id");
    const Interval *grace = duration_argument(fcinfo, 3, "grace");
    const Interval *deadline = duration_argument(fcinfo, 4, "deadline");

    require_argument(fcinfo, 5, "publish");
    PG_RETURN_DATUM(connection_row(fcinfo, rotation::rotate({.db_id = db_id,
                                                             .variable = nullptr,
                                                             .service_id = service_id,
                                                             .host_id = host_id,
                                                             .app_id = nullptr,
                                                             .container = nullptr,
                                                             .grace = grace,
                                                             .deadline = deadline,
                                                             .publish = PG_GETARG_BOOL(5)})));
}

Datum
appinfra_set_services(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *db_id = text_argument(fcinfo, 0, "db_id");

    require_argument(fcinfo, 1, "services");
    ReturnSetInfo *result = begin_set(fcinfo, "set_services()");
    for (const services::Change &change : services::set(db_id, PG_GETARG_JSONB_P(1))) {
        Datum values[] = {CStringGetTextDatum(change.service_id),
                          CStringGetTextDatum(change.host_id),
                          change.username ? CStringGetTextDatum(change.username) : Datum(0),
                          CStringGetTextDatum(change.action)};
        bool nulls[lengthof(values)] = {};

        nulls[2] = change.username == nullptr;
        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    }
    return static_cast<Datum>(0);
}

/* Returns an id of a service or its host: 1 to 128 bytes without control characters. */
static const char *
service_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
    const char *id = text_argument(fcinfo, n, name);

    require(identifiers::check_service_id(name, id));
    return id;
}
