/*
 * The SQL entry points of API keys, thin: what people do with them, and what keys do with each
 * other through a gateway. What each does, and its errors, stand in its COMMENT.
 */
#include "base/installation.hpp"
#include "entry/arguments.hpp"
#include "gateway/keys.hpp"
#include "tenant/readiness.hpp"

using namespace appinfra;
using namespace appinfra::arguments;

extern "C" {
SQL_FUNCTION(appinfra_mint_key);
SQL_FUNCTION(appinfra_publish_key);
SQL_FUNCTION(appinfra_rotate_key);
SQL_FUNCTION(appinfra_revoke_key);
SQL_FUNCTION(appinfra_wait_key_revoked);
SQL_FUNCTION(appinfra_gateway_mint_key);
SQL_FUNCTION(appinfra_gateway_rotate_key);
SQL_FUNCTION(appinfra_gateway_revoke_key);
SQL_FUNCTION(appinfra_gateway_workspace);
}

static Datum minted_row(FunctionCallInfo fcinfo, const keys::Minted &minted);

/* Refuses in a library of another version, on a standby, and with a snapshot of its own. */
static void
require_writable()
{
    installation::require_ours();
    require(readiness::check_transaction());
}

Datum
appinfra_mint_key(PG_FUNCTION_ARGS)
{
    require_writable();
    PG_RETURN_DATUM(minted_row(
        fcinfo,
        keys::mint(
            {.workspace = text_argument(fcinfo, 0, "db_id"),
             .role = text_argument(fcinfo, 1, "role"),
             .name = optional_text(fcinfo, 2),
             .env = text_argument(fcinfo, 3, "env"),
             .valid_for = PG_ARGISNULL(4) ? nullptr : duration_argument(fcinfo, 4, "valid_for")})));
}

Datum
appinfra_publish_key(PG_FUNCTION_ARGS)
{
    require_writable();
    const char *workspace = text_argument(fcinfo, 0, "db_id");
    const char *role = text_argument(fcinfo, 1, "role");

    PG_RETURN_TEXT_P(cstring_to_text(keys::publish(workspace, role, optional_text(fcinfo, 2))));
}

Datum
appinfra_rotate_key(PG_FUNCTION_ARGS)
{
    require_writable();
    const char *key_id = text_argument(fcinfo, 0, "key_id");

    PG_RETURN_DATUM(
        minted_row(fcinfo, keys::rotate(key_id, duration_argument(fcinfo, 1, "overlap"))));
}

Datum
appinfra_revoke_key(PG_FUNCTION_ARGS)
{
    require_writable();
    keys::revoke(text_argument(fcinfo, 0, "key_id"), optional_text(fcinfo, 1));
    PG_RETURN_VOID();
}

Datum
appinfra_wait_key_revoked(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *key_id = text_argument(fcinfo, 0, "key_id");

    PG_RETURN_BOOL(keys::wait_revoked(key_id, duration_argument(fcinfo, 1, "timeout")));
}

Datum
appinfra_gateway_mint_key(PG_FUNCTION_ARGS)
{
    require_writable();
    const char *caller = text_argument(fcinfo, 0, "caller_key_id");
    const keys::Wanted wanted = {
        .workspace = nullptr,
        .role = text_argument(fcinfo, 1, "role"),
        .name = optional_text(fcinfo, 2),
        .env = optional_text(fcinfo, 3),
        .valid_for = PG_ARGISNULL(4) ? nullptr : duration_argument(fcinfo, 4, "valid_for")};

    PG_RETURN_DATUM(minted_row(fcinfo, keys::mint_for(caller, wanted, optional_text(fcinfo, 5))));
}

Datum
appinfra_gateway_rotate_key(PG_FUNCTION_ARGS)
{
    require_writable();
    const char *caller = text_argument(fcinfo, 0, "caller_key_id");

    PG_RETURN_DATUM(
        minted_row(fcinfo, keys::rotate_for(caller, duration_argument(fcinfo, 1, "overlap"))));
}

Datum
appinfra_gateway_revoke_key(PG_FUNCTION_ARGS)
{
    require_writable();
    const char *caller = text_argument(fcinfo, 0, "caller_key_id");

    keys::revoke_for(caller, text_argument(fcinfo, 1, "key_id"), optional_text(fcinfo, 2));
    PG_RETURN_VOID();
}

Datum
appinfra_gateway_workspace(PG_FUNCTION_ARGS)
{
    require_writable();
    PG_RETURN_TEXT_P(
        cstring_to_text(keys::workspace_of(text_argument(fcinfo, 0, "caller_key_id"))));
}

/* Returns (key_id, token, expires_at). */
static Datum
minted_row(FunctionCallInfo fcinfo, const keys::Minted &minted)
{
    const Datum values[] = {CStringGetTextDatum(minted.key_id), CStringGetTextDatum(minted.token),
                            TimestampTzGetDatum(minted.expires_at.value_or(0))};
    const bool nulls[] = {false, false, !minted.expires_at};

    return row(fcinfo, values, nulls);
}
