/*
 * The SQL entry points of credentials' later life, thin: rotation, revocation, keeping and
 * restoring. What each does, and its errors, stand in its COMMENT.
 */
#include "base/identifiers.hpp"
#include "base/installation.hpp"
#include "base/settings.hpp"
#include "entry/arguments.hpp"
#include "tenant/retention.hpp"
#include "tenant/revocation.hpp"
#include "tenant/rotation.hpp"

using namespace appinfra;
using namespace appinfra::arguments;

extern "C" {
SQL_FUNCTION(appinfra_rotate_credential);
SQL_FUNCTION(appinfra_issue_credential);
SQL_FUNCTION(appinfra_set_rotation);
SQL_FUNCTION(appinfra_revoke_credential);
SQL_FUNCTION(appinfra_wait_revoked);
SQL_FUNCTION(appinfra_revoke_tenant);
SQL_FUNCTION(appinfra_retention);
SQL_FUNCTION(appinfra_deprovision_tenant);
SQL_FUNCTION(appinfra_restore_tenant);
}

static const char *reason_argument(FunctionCallInfo fcinfo, int n);

Datum
appinfra_rotate_credential(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *db_id = text_argument(fcinfo, 0, "db_id");
    const char *variable = text_argument(fcinfo, 1, "variable");
    const Interval *grace = duration_argument(fcinfo, 2, "grace");
    const Interval *deadline = duration_argument(fcinfo, 3, "deadline");

    /* the function of 0.1.0 has no container and no app_id */
    const char *container = PG_NARGS() > 5 ? optional_text(fcinfo, 5) : nullptr;
    const char *app_id = PG_NARGS() > 6 ? optional_text(fcinfo, 6) : nullptr;

    require_argument(fcinfo, 4, "publish");
    PG_RETURN_DATUM(connection_row(fcinfo, rotation::rotate({.db_id = db_id,
                                                             .variable = variable,
                                                             .service_id = nullptr,
                                                             .host_id = nullptr,
                                                             .app_id = app_id,
                                                             .container = container,
                                                             .grace = grace,
                                                             .deadline = deadline,
                                                             .publish = PG_GETARG_BOOL(4)})));
}

Datum
appinfra_issue_credential(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *db_id = text_argument(fcinfo, 0, "db_id");
    const char *access = text_argument(fcinfo, 1, "access");
    const Interval *valid_for =
        PG_ARGISNULL(2) ? nullptr : duration_argument(fcinfo, 2, "valid_for");

    PG_RETURN_DATUM(connection_row(fcinfo, rotation::issue(db_id, access, valid_for)));
}

Datum
appinfra_set_rotation(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *db_id = text_argument(fcinfo, 0, "db_id");

    rotation::set_rotation(db_id, PG_ARGISNULL(1) ? nullptr
                                                  : duration_argument(fcinfo, 1, "rotate_after"));
    PG_RETURN_VOID();
}

Datum
appinfra_revoke_credential(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    revocation::revoke(text_argument(fcinfo, 0, "username"), reason_argument(fcinfo, 1));
    PG_RETURN_VOID();
}

Datum
appinfra_wait_revoked(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *username = text_argument(fcinfo, 0, "username");

    PG_RETURN_BOOL(revocation::wait(username, duration_argument(fcinfo, 1, "timeout")));
}

Datum
appinfra_revoke_tenant(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    PG_RETURN_INT32(
        revocation::revoke_tenant(text_argument(fcinfo, 0, "db_id"), reason_argument(fcinfo, 1)));
}

Datum
appinfra_retention(PG_FUNCTION_ARGS)
{
    (void)fcinfo;
    PG_RETURN_DATUM(DirectFunctionCall7(make_interval, Int32GetDatum(0), Int32GetDatum(0),
                                        Int32GetDatum(0), Int32GetDatum(0), Int32GetDatum(0),
                                        Int32GetDatum(0), Float8GetDatum(settings::retention)));
}

Datum
appinfra_deprovision_tenant(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *db_id = text_argument(fcinfo, 0, "db_id");

    retention::deprovision(db_id, duration_argument(fcinfo, 1, "retain"));
    PG_RETURN_VOID();
}

Datum
appinfra_restore_tenant(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *db_id = text_argument(fcinfo, 0, "db_id");

    require_argument(fcinfo, 1, "publish");
    PG_RETURN_DATUM(connection_row(fcinfo, retention::restore(db_id, PG_GETARG_BOOL(1))));
}

/* Returns a reason, cut to a length that fits a log; a null pointer for NULL. */
static const char *
reason_argument(FunctionCallInfo fcinfo, int n)
{
    const char *reason = optional_text(fcinfo, n);

    return reason == nullptr ? nullptr
                             : pnstrdup(reason, pg_mbcliplen(reason, strlen(reason), 512));
}
