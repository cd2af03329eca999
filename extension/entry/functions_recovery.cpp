/*
 * The SQL entry points of failovers and restores, thin. What each does, and its errors, stand in
 * its COMMENT in the install script.
 */
#include "base/installation.hpp"
#include "delivery/timeline.hpp"
#include "entry/arguments.hpp"
#include "tenant/republication.hpp"

using namespace appinfra;
using namespace appinfra::arguments;

extern "C" {
SQL_FUNCTION(appinfra_republish);
SQL_FUNCTION(appinfra_accept_restore);
}

Datum
appinfra_republish(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    PG_RETURN_INT32(republication::republish(text_argument(fcinfo, 0, "db_id")));
}

Datum
appinfra_accept_restore(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    require_argument(fcinfo, 0, "point");
    TimestampTz point = PG_GETARG_TIMESTAMPTZ(0);

    if (TIMESTAMP_NOT_FINITE(point) || point > GetCurrentTimestamp())
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE, "point is not a time that is over",
                     "It is the time to which the host was restored."));
    std::optional<int64> stale = timeline::accept(point);
    if (!stale)
        ereport(NOTICE, (errmsg("nothing is held: this server is where its registry says")));
    PG_RETURN_INT64(stale.value_or(0));
}
