/*
 * The SQL entry points of apps, thin: registering, giving away, forgetting. What each does, and its
 * errors, stand in its COMMENT in the install script.
 */
#include "base/installation.hpp"
#include "entry/arguments.hpp"
#include "tenant/apps.hpp"

using namespace appinfra;
using namespace appinfra::arguments;

extern "C" {
SQL_FUNCTION(appinfra_register_app);
SQL_FUNCTION(appinfra_unregister_app);
SQL_FUNCTION(appinfra_transfer_app);
}

Datum
appinfra_register_app(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *app_id = text_argument(fcinfo, 0, "app_id");
    const char *owner_user_id = text_argument(fcinfo, 1, "owner_user_id");

    apps::register_app(app_id, owner_user_id, optional_text(fcinfo, 2));
    PG_RETURN_VOID();
}

Datum
appinfra_unregister_app(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    apps::unregister(text_argument(fcinfo, 0, "app_id"));
    PG_RETURN_VOID();
}

Datum
appinfra_transfer_app(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *app_id = text_argument(fcinfo, 0, "app_id");

    apps::transfer(app_id, text_argument(fcinfo, 1, "new_owner"));
    PG_RETURN_VOID();
}
