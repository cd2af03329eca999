/*
 * The SQL entry points of hardening, extensions and exposures, thin. What each does, and its
 * errors, stand in its COMMENT.
 */
#include "base/installation.hpp"
#include "entry/arguments.hpp"
#include "exposure/apply_hardening.hpp"
#include "exposure/exposure.hpp"
#include "tenant/extensions.hpp"

using namespace appinfra;
using namespace appinfra::arguments;

extern "C" {
SQL_FUNCTION(appinfra_exposures);
SQL_FUNCTION(appinfra_harden_host);
SQL_FUNCTION(appinfra_harden_tenant);
SQL_FUNCTION(appinfra_install_extension);
}

Datum
appinfra_exposures(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *db_id = optional_text(fcinfo, 0);

    exposure::report(db_id, begin_set(fcinfo, "exposures()"));
    return static_cast<Datum>(0);
}

Datum
appinfra_harden_host(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    require_argument(fcinfo, 0, "apply");
    apply_hardening::host(PG_GETARG_BOOL(0), begin_set(fcinfo, "harden_host()"));
    return static_cast<Datum>(0);
}

Datum
appinfra_harden_tenant(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    apply_hardening::tenant(text_argument(fcinfo, 0, "db_id"));
    PG_RETURN_VOID();
}

Datum
appinfra_install_extension(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *db_id = text_argument(fcinfo, 0, "db_id");

    extensions::install(db_id, text_argument(fcinfo, 1, "name"), optional_text(fcinfo, 2));
    PG_RETURN_VOID();
}
