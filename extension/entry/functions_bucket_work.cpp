/*
 * The SQL entry points by which sidecars work on buckets, thin. What each does, and its errors,
 * stand in its COMMENT in the install script.
 */
#include "base/identifiers.hpp"
#include "base/installation.hpp"
#include "bucket/handout.hpp"
#include "bucket/work.hpp"
#include "entry/arguments.hpp"

using namespace appinfra;
using namespace appinfra::arguments;

extern "C" {
SQL_FUNCTION(appinfra_record_bucket_key);
SQL_FUNCTION(appinfra_claim_bucket_work);
SQL_FUNCTION(appinfra_extend_bucket_work);
SQL_FUNCTION(appinfra_complete_bucket_work);
SQL_FUNCTION(appinfra_fail_bucket_work);
SQL_FUNCTION(appinfra_begin_bucket_handout);
SQL_FUNCTION(appinfra_report_unknown_buckets);
}

static const char *worker_argument(FunctionCallInfo fcinfo, int n);
static bucket_work::Claim work_argument(FunctionCallInfo fcinfo);
static const Refusal *check_code(const char *code);
static void check_both_roles();

Datum
appinfra_record_bucket_key(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    require_argument(fcinfo, 0, "publication_id");
    require_argument(fcinfo, 1, "claim");
    const char *access_key = text_argument(fcinfo, 2, "access_key");

    if (*access_key == '\0' || strlen(access_key) > 128)
        raise(
            refuse(ERRCODE_INVALID_PARAMETER_VALUE, "invalid access key", "It is 1 to 128 bytes."));
    PG_RETURN_BOOL(bucket_handout::record(PG_GETARG_INT64(0), PG_GETARG_UUID_P(1), access_key));
}

Datum
appinfra_claim_bucket_work(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *worker = worker_argument(fcinfo, 0);
    const Interval *lease = lease_argument(fcinfo, 2);
    const Interval *check_older_than =
        PG_ARGISNULL(3) ? nullptr : duration_argument(fcinfo, 3, "check_older_than");

    require_argument(fcinfo, 1, "batch");
    int32 batch = PG_GETARG_INT32(1);
    if (batch < 1 || batch > 1000)
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE, psprintf("invalid batch %d", batch),
                     "A batch is 1 to 1000 buckets."));
    bucket_work::claim(
        {.worker = worker, .batch = batch, .lease = lease, .check_older_than = check_older_than},
        begin_set(fcinfo, "claim_bucket_work()"));
    return static_cast<Datum>(0);
}

Datum
appinfra_extend_bucket_work(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    PG_RETURN_BOOL(bucket_work::extend(work_argument(fcinfo), lease_argument(fcinfo, 2)));
}

Datum
appinfra_complete_bucket_work(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const bucket_work::Claim claim = work_argument(fcinfo);

    require_argument(fcinfo, 2, "generation");
    PG_RETURN_BOOL(bucket_work::complete(claim, PG_GETARG_INT64(2),
                                         PG_ARGISNULL(3) ? nullptr : PG_GETARG_JSONB_P(3)));
}

Datum
appinfra_fail_bucket_work(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    bucket_work::Failure failure = {.error = text_argument(fcinfo, 2, "error"),
                                    .code = text_argument(fcinfo, 3, "code"),
                                    .retry_at = {}};

    require(check_code(failure.code));
    if (!PG_ARGISNULL(4))
        failure.retry_at = PG_GETARG_TIMESTAMPTZ(4);
    if (failure.retry_at && TIMESTAMP_NOT_FINITE(*failure.retry_at))
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE, "retry_at is infinite"));
    PG_RETURN_TEXT_P(cstring_to_text(bucket_work::fail(work_argument(fcinfo), failure)));
}

Datum
appinfra_begin_bucket_handout(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *bucket_id = text_argument(fcinfo, 0, "bucket_id");
    const char *worker = worker_argument(fcinfo, 1);

    check_both_roles();
    const bucket_handout::Handout handout =
        bucket_handout::begin(bucket_id, worker, lease_argument(fcinfo, 2));
    Datum values[] = {Int64GetDatum(handout.publication_id), UUIDPGetDatum(handout.claim),
                      JsonbPGetDatum(handout.storage)};
    bool nulls[lengthof(values)] = {};
    ReturnSetInfo *result = begin_set(fcinfo, "begin_bucket_handout()");
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    return static_cast<Datum>(0);
}

Datum
appinfra_report_unknown_buckets(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    require_argument(fcinfo, 0, "names");
    PG_RETURN_INT32(bucket_work::report_unknown(PG_GETARG_DATUM(0)));
}

static const char *
worker_argument(FunctionCallInfo fcinfo, int n)
{
    const char *worker = text_argument(fcinfo, n, "worker");

    if (*worker == '\0' || strlen(worker) > identifiers::key_limit)
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE, "invalid worker name",
                     "A worker's name is 1 to 255 bytes."));
    return worker;
}

/* Returns bucket and claim, always the first two arguments. */
static bucket_work::Claim
work_argument(FunctionCallInfo fcinfo)
{
    const char *bucket_id = text_argument(fcinfo, 0, "bucket_id");

    require_argument(fcinfo, 1, "claim");
    return {.bucket_id = bucket_id, .id = PG_GETARG_UUID_P(1)};
}

static const Refusal *
check_code(const char *code)
{
    for (const char *known : {"unreachable", "refused", "name_taken", "not_found", "other"})
        if (strcmp(code, known) == 0)
            return nullptr;
    return refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                  psprintf("invalid code \"%s\"", identifiers::excerpt(code)),
                  "It is unreachable, refused, name_taken, not_found or other.");
}

/* Who hands a key to a caller does what provisioning does, too. Looks at who called the function.
 */
static void
check_both_roles()
{
    Oid admin = get_role_oid("appinfra_admin", true);

    if (!OidIsValid(admin) || !has_privs_of_role(GetOuterUserId(), admin))
        raise(refuse(ERRCODE_INSUFFICIENT_PRIVILEGE,
                     "a key of a bucket is handed out by members of appinfra_admin only"));
}
