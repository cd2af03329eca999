/*
 * The SQL entry points of provisioning and publishing, thin (more in functions_credential.cpp):
 * unpack the arguments, refuse NULL, call the module, pack the answer.
 *
 * What a function does, and its errors, stand in its COMMENT in the install script.
 */
#include "base/identifiers.hpp"
#include "base/installation.hpp"
#include "base/json.hpp"
#include "base/refusal.hpp"
#include "base/settings.hpp"
#include "delivery/acknowledge.hpp"
#include "delivery/claim.hpp"
#include "delivery/retry.hpp"
#include "entry/arguments.hpp"
#include "entry/install.hpp"
#include "tenant/provision.hpp"

using namespace appinfra;
using namespace appinfra::arguments;

extern "C" {
SQL_FUNCTION(appinfra_check_installation);
SQL_FUNCTION(appinfra_public_address);
SQL_FUNCTION(appinfra_has_sessions);
SQL_FUNCTION(appinfra_is_running);
SQL_FUNCTION(appinfra_service_username);
SQL_FUNCTION(appinfra_provision_tenant);
SQL_FUNCTION(appinfra_claim_publications);
SQL_FUNCTION(appinfra_extend_claim);
SQL_FUNCTION(appinfra_complete_publication);
SQL_FUNCTION(appinfra_fail_publication);
SQL_FUNCTION(appinfra_retry_publication);
}

static const Interval *expires_argument(FunctionCallInfo fcinfo);
static int64 id_argument(FunctionCallInfo fcinfo);
static const pg_uuid_t *claim_argument(FunctionCallInfo fcinfo);
static Datum producers_argument(FunctionCallInfo fcinfo);
static bool is_bigint(Numeric number);
static const Jsonb *receipt(const Jsonb *response);

Datum
appinfra_check_installation(PG_FUNCTION_ARGS)
{
    (void)fcinfo;
    install::check();
    PG_RETURN_VOID();
}

Datum
appinfra_public_address(PG_FUNCTION_ARGS)
{
    const settings::Address at = settings::address(false);
    bool unset = at.host[0] == '\0';
    const Datum values[] = {CStringGetTextDatum(at.host), Int32GetDatum(at.port),
                            CStringGetTextDatum(at.sslmode)};
    const bool nulls[] = {unset, false, unset};

    PG_RETURN_DATUM(row(fcinfo, values, nulls));
}

Datum
appinfra_has_sessions(PG_FUNCTION_ARGS)
{
    PG_RETURN_BOOL(CountDBBackends(PG_GETARG_OID(0)) > 0);
}

Datum
appinfra_is_running(PG_FUNCTION_ARGS)
{
    PG_RETURN_BOOL(TransactionIdIsInProgress(PG_GETARG_TRANSACTIONID(0)));
}

Datum
appinfra_service_username(PG_FUNCTION_ARGS)
{
    const char *service_id = text_argument(fcinfo, 0, "service_id");
    const char *host_id = text_argument(fcinfo, 1, "host_id");

    if (*service_id == '\0' || *host_id == '\0')
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                     psprintf("%s is empty", *service_id == '\0' ? "service_id" : "host_id"),
                     "The user of a service is named by both ids."));
    PG_RETURN_TEXT_P(cstring_to_text(identifiers::service_user(service_id, host_id)));
}

Datum
appinfra_provision_tenant(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    require_argument(fcinfo, 4, "env");
    require_argument(fcinfo, 5, "publish");
    const provisioning::Request request = {.app_id = text_argument(fcinfo, 0, "app_id"),
                                           .owner_user_id =
                                               text_argument(fcinfo, 1, "owner_user_id"),
                                           .slug = optional_text(fcinfo, 2),
                                           .engine = text_argument(fcinfo, 3, "engine"),
                                           .env = PG_GETARG_JSONB_P(4),
                                           .publish = PG_GETARG_BOOL(5),
                                           .idempotency_key = optional_text(fcinfo, 6),
                                           .expires = expires_argument(fcinfo)};

    PG_RETURN_DATUM(connection_row(fcinfo, provisioning::provision(request)));
}

Datum
appinfra_claim_publications(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *worker = text_argument(fcinfo, 0, "worker");
    const Interval *lease = lease_argument(fcinfo, 2);

    require_argument(fcinfo, 1, "batch");
    int32 batch = PG_GETARG_INT32(1);
    if (*worker == '\0' || strlen(worker) > identifiers::key_limit)
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE, "invalid worker name",
                     "A worker's name is 1 to 255 bytes."));
    if (batch < 1 || batch > 1000)
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE, psprintf("invalid batch %d", batch),
                     "A batch is 1 to 1000 publications."));
    /* all of it stays in memory: a spill to disk would put passwords there */
    claim::claim(
        {.worker = worker, .batch = batch, .lease = lease, .producers = producers_argument(fcinfo)},
        begin_set(fcinfo, "claim_publications()", MAX_KILOBYTES));
    return static_cast<Datum>(0);
}

Datum
appinfra_extend_claim(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    PG_RETURN_BOOL(acknowledge::extend(id_argument(fcinfo), claim_argument(fcinfo),
                                       lease_argument(fcinfo, 2)));
}

Datum
appinfra_complete_publication(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const Jsonb *response = PG_ARGISNULL(2) ? nullptr : receipt(PG_GETARG_JSONB_P(2));

    PG_RETURN_BOOL(acknowledge::complete(id_argument(fcinfo), claim_argument(fcinfo), response));
}

Datum
appinfra_fail_publication(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    const char *error = text_argument(fcinfo, 2, "error");
    const char *delivered = text_argument(fcinfo, 3, "delivered");
    bool surely_not = strcmp(delivered, "no") == 0;

    if (!surely_not && strcmp(delivered, "unknown") != 0)
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                     psprintf("invalid delivered \"%s\"", identifiers::excerpt(delivered)),
                     "It is \"no\" (surely not stored) or \"unknown\" (may have been stored)."));
    if (!PG_ARGISNULL(4) && TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(4)))
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE, "retry_at is infinite",
                     "It is the time from which the publication may be claimed again.",
                     "NULL gives up."));
    publication::Failure failure = {.error = error,
                                    .delivered = surely_not ? publication::Delivered::no
                                                            : publication::Delivered::unknown,
                                    .retry_at = {}};
    if (!PG_ARGISNULL(4))
        failure.retry_at = PG_GETARG_TIMESTAMPTZ(4);
    PG_RETURN_TEXT_P(cstring_to_text(
        states::name(acknowledge::fail(id_argument(fcinfo), claim_argument(fcinfo), failure))));
}

Datum
appinfra_retry_publication(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    retry::retry(id_argument(fcinfo));
    PG_RETURN_VOID();
}

/* Returns after what time a new tenant expires; null: never. The function of 0.1.0 has no such. */
static const Interval *
expires_argument(FunctionCallInfo fcinfo)
{
    if (PG_NARGS() <= 7 || PG_ARGISNULL(7))
        return nullptr;
    const Interval *expires = duration_argument(fcinfo, 7, "expires");
    if (expires->month == 0 && expires->day == 0 && expires->time == 0)
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE, "expires is 0",
                     "It is the time after which the database is taken away; NULL: never."));
    return expires;
}

/* Returns the publication_id, always the first argument. */
static int64
id_argument(FunctionCallInfo fcinfo)
{
    require_argument(fcinfo, 0, "publication_id");
    return PG_GETARG_INT64(0);
}

/* Returns the claim, always the second argument. */
static const pg_uuid_t *
claim_argument(FunctionCallInfo fcinfo)
{
    require_argument(fcinfo, 1, "claim");
    return PG_GETARG_UUID_P(1);
}

/* Returns the producers whose publications are wanted; the function of 0.1.0 has none but one. */
static Datum
producers_argument(FunctionCallInfo fcinfo)
{
    if (PG_NARGS() <= 3)
        return binding::one_variable("postgres");
    require_argument(fcinfo, 3, "producers");
    return PG_GETARG_DATUM(3);
}

/* Tells whether the number is a whole one of at most 18 digits. */
static bool
is_bigint(Numeric number)
{
    const char *text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));

    return strlen(text) <= 18 && strspn(text, "0123456789") == strlen(text);
}

/* Returns the kept part of a producer's answer: env_keys that are variable names, and a version. */
static const Jsonb *
receipt(const Jsonb *response)
{
    auto *container = const_cast<JsonbContainer *>(&response->root);
    JsonbParseState *state = nullptr;
    JsonbValue key = {};
    JsonbValue found;

    if (!JsonContainerIsObject(container))
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE, "response is not a JSON object"));
    pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
    key.type = jbvString;
    if (getKeyJsonValueFromContainer(container, "version", 7, &found) != nullptr &&
        found.type == jbvNumeric && is_bigint(found.val.numeric)) {
        key.val.string = {.len = 7, .val = pstrdup("version")};
        pushJsonbValue(&state, WJB_KEY, &key);
        pushJsonbValue(&state, WJB_VALUE, &found);
    }
    if (getKeyJsonValueFromContainer(container, "env_keys", 8, &found) != nullptr &&
        found.type == jbvBinary && JsonContainerIsArray(found.val.binary.data)) {
        key.val.string = {.len = 8, .val = pstrdup("env_keys")};
        pushJsonbValue(&state, WJB_KEY, &key);
        pushJsonbValue(&state, WJB_BEGIN_ARRAY, nullptr);
        uint32 count = Min(JsonContainerSize(found.val.binary.data), 100u);
        for (uint32 i = 0; i < count; i++) {
            JsonbValue *item = getIthJsonbValueFromContainer(found.val.binary.data, i);

            if (item->type == jbvString &&
                identifiers::check_variable(pnstrdup(item->val.string.val, item->val.string.len)) ==
                    nullptr)
                pushJsonbValue(&state, WJB_ELEM, item);
        }
        pushJsonbValue(&state, WJB_END_ARRAY, nullptr);
    }
    return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr));
}
