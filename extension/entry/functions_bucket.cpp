/*
 * The SQL entry points of buckets, thin: what callers do with them. What each does, and its errors,
 * stand in its COMMENT in the install script.
 */
#include "base/installation.hpp"
#include "base/settings.hpp"
#include "bucket/keys.hpp"
#include "bucket/provision.hpp"
#include "bucket/retention.hpp"
#include "entry/arguments.hpp"

using namespace appinfra;
using namespace appinfra::arguments;

extern "C" {
SQL_FUNCTION(appinfra_bucket_quota);
SQL_FUNCTION(appinfra_provision_bucket);
SQL_FUNCTION(appinfra_rotate_bucket_key);
SQL_FUNCTION(appinfra_finish_bucket_rotation);
SQL_FUNCTION(appinfra_revoke_bucket_key);
SQL_FUNCTION(appinfra_forget_bucket_key);
SQL_FUNCTION(appinfra_wait_bucket_revoked);
SQL_FUNCTION(appinfra_revoke_bucket);
SQL_FUNCTION(appinfra_deprovision_bucket);
SQL_FUNCTION(appinfra_restore_bucket);
SQL_FUNCTION(appinfra_set_bucket_quota);
}

static std::optional<int64> quota_argument(FunctionCallInfo fcinfo, int n);
static const char *short_reason(FunctionCallInfo fcinfo, int n);
static Datum bucket_row(FunctionCallInfo fcinfo, const bucket_connection::Connection &connection);

Datum
appinfra_bucket_quota(PG_FUNCTION_ARGS)
{
    (void)fcinfo;
    PG_RETURN_INT64(static_cast<int64>(settings::bucket_quota) * 1024 * 1024);
}

Datum
appinfra_provision_bucket(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    require_argument(fcinfo, 5, "publish");
    const bucket_provision::Request request = {.app_id = text_argument(fcinfo, 0, "app_id"),
                                               .owner_user_id =
                                                   text_argument(fcinfo, 1, "owner_user_id"),
                                               .slug = optional_text(fcinfo, 2),
                                               .env_prefix = text_argument(fcinfo, 3, "env_prefix"),
                                               .quota = quota_argument(fcinfo, 4),
                                               .publish = PG_GETARG_BOOL(5),
                                               .idempotency_key = optional_text(fcinfo, 6)};

    PG_RETURN_DATUM(bucket_row(fcinfo, bucket_provision::provision(request)));
}

Datum
appinfra_rotate_bucket_key(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *bucket_id = text_argument(fcinfo, 0, "bucket_id");
    const Interval *deadline = duration_argument(fcinfo, 1, "deadline");

    require_argument(fcinfo, 2, "publish");
    PG_RETURN_DATUM(
        bucket_row(fcinfo, bucket_keys::rotate(bucket_id, deadline, PG_GETARG_BOOL(2))));
}

Datum
appinfra_finish_bucket_rotation(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    PG_RETURN_INT32(bucket_keys::finish_rotation(text_argument(fcinfo, 0, "bucket_id")));
}

Datum
appinfra_revoke_bucket_key(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    bucket_keys::revoke(text_argument(fcinfo, 0, "access_key"), short_reason(fcinfo, 1));
    PG_RETURN_VOID();
}

Datum
appinfra_forget_bucket_key(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    bucket_keys::forget(text_argument(fcinfo, 0, "access_key"));
    PG_RETURN_VOID();
}

Datum
appinfra_wait_bucket_revoked(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *access_key = text_argument(fcinfo, 0, "access_key");

    PG_RETURN_BOOL(bucket_keys::wait(access_key, duration_argument(fcinfo, 1, "timeout")));
}

Datum
appinfra_revoke_bucket(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    PG_RETURN_INT32(
        bucket_keys::revoke_bucket(text_argument(fcinfo, 0, "bucket_id"), short_reason(fcinfo, 1)));
}

Datum
appinfra_deprovision_bucket(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *bucket_id = text_argument(fcinfo, 0, "bucket_id");

    bucket_retention::deprovision(bucket_id, duration_argument(fcinfo, 1, "retain"));
    PG_RETURN_VOID();
}

Datum
appinfra_restore_bucket(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *bucket_id = text_argument(fcinfo, 0, "bucket_id");

    require_argument(fcinfo, 1, "publish");
    PG_RETURN_DATUM(bucket_row(fcinfo, bucket_retention::restore(bucket_id, PG_GETARG_BOOL(1))));
}

Datum
appinfra_set_bucket_quota(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    bucket_retention::set_quota(text_argument(fcinfo, 0, "bucket_id"), quota_argument(fcinfo, 1));
    PG_RETURN_VOID();
}

/* Returns a number of bytes, or none for NULL. A negative one is refused as it is. */
static std::optional<int64>
quota_argument(FunctionCallInfo fcinfo, int n)
{
    if (PG_ARGISNULL(n))
        return std::nullopt;
    return PG_GETARG_INT64(n);
}

/* Returns a reason, cut to a length that fits a log; a null pointer for NULL. */
static const char *
short_reason(FunctionCallInfo fcinfo, int n)
{
    const char *reason = optional_text(fcinfo, n);

    return reason == nullptr ? nullptr
                             : pnstrdup(reason, pg_mbcliplen(reason, strlen(reason), 512));
}

/* Returns an appinfra.bucket_connection. */
static Datum
bucket_row(FunctionCallInfo fcinfo, const bucket_connection::Connection &connection)
{
    const char *texts[] = {connection.bucket_id,
                           connection.status,
                           connection.bucket_name,
                           connection.endpoint_url,
                           connection.region,
                           connection.access_key,
                           nullptr,
                           connection.replaced_bucket_id};
    Datum values[lengthof(texts)];
    bool nulls[lengthof(texts)];

    for (size_t i = 0; i < lengthof(texts); i++) {
        nulls[i] = texts[i] == nullptr;
        values[i] = nulls[i] ? static_cast<Datum>(0) : CStringGetTextDatum(texts[i]);
    }
    values[6] = connection.env_keys;
    nulls[6] = false;
    return row(fcinfo, values, nulls);
}
