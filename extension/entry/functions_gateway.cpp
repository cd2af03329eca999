/*
 * The SQL entry points of gateways, thin. They may commit with synchronous_commit = off, which the
 * gateway's connection sets; what hands out or takes away something commits synchronously whatever
 * that is. What each does, and its errors, stand in its COMMENT.
 */
#include "base/installation.hpp"
#include "entry/arguments.hpp"
#include "gateway/calls.hpp"
#include "gateway/logins.hpp"
#include "tenant/readiness.hpp"
#include "tenant/revocation.hpp"

using namespace appinfra;
using namespace appinfra::arguments;

extern "C" {
SQL_FUNCTION(appinfra_gateway_hello);
SQL_FUNCTION(appinfra_gateway_login);
SQL_FUNCTION(appinfra_gateway_begin);
SQL_FUNCTION(appinfra_gateway_finish);
SQL_FUNCTION(appinfra_gateway_report);
}

static std::optional<FullTransactionId> xid_argument(FunctionCallInfo fcinfo, int n);
static const bytea *bytes_argument(FunctionCallInfo fcinfo, int n);

/* Refuses in a library of another version, on a standby, and with a snapshot of its own. */
static void
require_writable()
{
    installation::require_ours();
    require(readiness::check_transaction());
}

Datum
appinfra_gateway_hello(PG_FUNCTION_ARGS)
{
    require_writable();
    for (const char *username : gateway_logins::hello(text_argument(fcinfo, 0, "gateway")))
        revocation::revoke(username, "gateway started or ended");
    PG_RETURN_VOID();
}

Datum
appinfra_gateway_login(PG_FUNCTION_ARGS)
{
    require_writable();
    require(readiness::check_host());
    const char *gateway = text_argument(fcinfo, 0, "gateway");
    const char *db_id = text_argument(fcinfo, 1, "db_id");

    PG_RETURN_DATUM(connection_row(
        fcinfo, gateway_logins::make(gateway, db_id, text_argument(fcinfo, 2, "access"))));
}

Datum
appinfra_gateway_begin(PG_FUNCTION_ARGS)
{
    require_writable();
    require_argument(fcinfo, 6, "request_hash");
    const calls::Verdict verdict =
        calls::begin({.gateway = text_argument(fcinfo, 0, "gateway"),
                      .db_id = nullptr,
                      .key_id = text_argument(fcinfo, 1, "key_id"),
                      .line = nullptr,
                      .request_id = optional_text(fcinfo, 2),
                      .endpoint = optional_text(fcinfo, 3),
                      .idempotency_key = text_argument(fcinfo, 5, "idempotency_key"),
                      .request_hash = bytes_argument(fcinfo, 6),
                      .xid = xid_argument(fcinfo, 7),
                      .pid = PG_ARGISNULL(8) ? 0 : PG_GETARG_INT32(8)});
    const Datum values[] = {Int64GetDatum(verdict.call_id), CStringGetTextDatum(verdict.word),
                            Int32GetDatum(verdict.status), PointerGetDatum(verdict.body)};
    const bool nulls[] = {verdict.call_id == 0, false, verdict.status == 0,
                          verdict.body == nullptr};

    PG_RETURN_DATUM(row(fcinfo, values, nulls));
}

Datum
appinfra_gateway_finish(PG_FUNCTION_ARGS)
{
    require_writable();
    require_argument(fcinfo, 7, "status");
    PG_RETURN_BOOL(calls::finish({.gateway = text_argument(fcinfo, 0, "gateway"),
                                  .key_id = text_argument(fcinfo, 1, "key_id"),
                                  .request_id = optional_text(fcinfo, 2),
                                  .endpoint = optional_text(fcinfo, 3),
                                  .client_address = optional_text(fcinfo, 4),
                                  .call_id = PG_ARGISNULL(5) ? 0 : PG_GETARG_INT64(5),
                                  .xid = xid_argument(fcinfo, 6),
                                  .status = PG_GETARG_INT32(7),
                                  .body = bytes_argument(fcinfo, 8),
                                  .detail = PG_ARGISNULL(9) ? nullptr : PG_GETARG_JSONB_P(9)}));
}

Datum
appinfra_gateway_report(PG_FUNCTION_ARGS)
{
    require_writable();
    const char *gateway = text_argument(fcinfo, 0, "gateway");

    require_argument(fcinfo, 1, "entries");
    calls::report(gateway, PG_GETARG_JSONB_P(1));
    PG_RETURN_VOID();
}

static std::optional<FullTransactionId>
xid_argument(FunctionCallInfo fcinfo, int n)
{
    if (PG_ARGISNULL(n))
        return std::nullopt;
    return FullTransactionIdFromU64(DatumGetUInt64(PG_GETARG_DATUM(n)));
}

/* Returns the bytes; a null pointer for NULL. */
static const bytea *
bytes_argument(FunctionCallInfo fcinfo, int n)
{
    return PG_ARGISNULL(n) ? nullptr : PG_GETARG_BYTEA_PP(n);
}
