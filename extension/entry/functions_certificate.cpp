/*
 * The SQL entry point that tells what the server shows to those who verify it, thin: for whoever
 * watches the host and may read neither the file nor the settings.
 */
#include "base/certificates.hpp"
#include "base/installation.hpp"
#include "base/settings.hpp"
#include "entry/arguments.hpp"

using namespace appinfra;
using namespace appinfra::arguments;

extern "C" {
SQL_FUNCTION(appinfra_server_certificate);
}

/* The path is relative to the data directory, in which a server process works. */
Datum
appinfra_server_certificate(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *file = GetConfigOption("ssl_cert_file", false, false);
    bool shows_any = strcmp(GetConfigOption("ssl", false, false), "on") == 0;
    bool is_known = settings::public_host[0] != '\0';
    certificates::Shown shown = {};

    if (shows_any)
        shown =
            certificates::look_at(file, settings::public_host, settings::public_ca_certificates());
    const Datum values[] = {
        CStringGetTextDatum(file),
        TimestampTzGetDatum(time_t_to_timestamptz(static_cast<pg_time_t>(shown.expires))),
        BoolGetDatum(shown.named), BoolGetDatum(shown.self_signed && !shown.trusted)};
    const bool nulls[] = {!shows_any, !shown.found, !shown.found || !is_known, !shown.found};

    PG_RETURN_DATUM(row(fcinfo, values, nulls));
}
