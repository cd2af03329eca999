/* Unpacks arguments, packs rows. See arguments.hpp. */
#include "entry/arguments.hpp"

#include "base/settings.hpp"

namespace appinfra::arguments
{

void
require_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
    if (PG_ARGISNULL(n))
        raise(refuse(ERRCODE_NULL_VALUE_NOT_ALLOWED, psprintf("%s is NULL", name),
                     "The argument needs a value."));
}

const char *
text_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
    require_argument(fcinfo, n, name);
    return text_to_cstring(PG_GETARG_TEXT_PP(n));
}

const char *
optional_text(FunctionCallInfo fcinfo, int n)
{
    return PG_ARGISNULL(n) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

const Interval *
duration_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
    require_argument(fcinfo, n, name);
    const Interval *value = PG_GETARG_INTERVAL_P(n);
    const Interval zero = {};
    /* a caller cannot be told when this is added to a time later on, so it must stay in range */
    const Interval limit = {.time = 0, .day = 0, .month = 100 * MONTHS_PER_YEAR};

    if (DatumGetInt32(DirectFunctionCall2(interval_cmp, IntervalPGetDatum(value),
                                          IntervalPGetDatum(&zero))) < 0)
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE, psprintf("%s is negative", name)));
    if (DatumGetInt32(DirectFunctionCall2(interval_cmp, IntervalPGetDatum(value),
                                          IntervalPGetDatum(&limit))) > 0)
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE, psprintf("%s is too long", name),
                     "It is 100 years at most."));
    return value;
}

const Interval *
lease_argument(FunctionCallInfo fcinfo, int n)
{
    require_argument(fcinfo, n, "lease");
    const Interval *lease = PG_GETARG_INTERVAL_P(n);
    double seconds = static_cast<double>(lease->time) / USECS_PER_SEC + 86400.0 * lease->day +
                     30 * 86400.0 * lease->month;

    if (seconds < 1 || seconds > 86400)
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE, "invalid lease",
                     "A lease lasts 1 second to 1 day."));
    return lease;
}

Datum
row(FunctionCallInfo fcinfo, const Datum *values, const bool *nulls)
{
    TupleDesc type;

    if (get_call_result_type(fcinfo, nullptr, &type) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "function returning record called in context that cannot accept a row");
    HeapTuple tuple = heap_form_tuple(BlessTupleDesc(type), const_cast<Datum *>(values),
                                      const_cast<bool *>(nulls));
    return HeapTupleGetDatum(tuple);
}

ReturnSetInfo *
begin_set(FunctionCallInfo fcinfo, const char *function, int kilobytes)
{
    auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);

    if (result == nullptr || !IsA(result, ReturnSetInfo) ||
        !(result->allowedModes & SFRM_Materialize))
        raise(refuse(ERRCODE_FEATURE_NOT_SUPPORTED,
                     psprintf("%s is called where no set is accepted", function), nullptr,
                     psprintf("SELECT * FROM appinfra.%s.", function)));
    MemoryContext caller = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
    result->returnMode = SFRM_Materialize;
    get_call_result_type(fcinfo, nullptr, &result->setDesc);
    result->setResult = tuplestore_begin_heap(true, false, kilobytes);
    MemoryContextSwitchTo(caller);
    return result;
}

Datum
connection_row(FunctionCallInfo fcinfo, const connection_builder::Connection &connection)
{
    const settings::Address at = settings::address(connection.pooled);
    const char *texts[] = {
        connection.db_id,    connection.status,   at.host,       nullptr, connection.database,
        connection.username, connection.password, connection.url};
    Datum values[9];
    bool nulls[9];

    for (int i = 0; i < 8; i++) {
        nulls[i] = texts[i] == nullptr;
        values[i] = nulls[i] ? static_cast<Datum>(0) : CStringGetTextDatum(texts[i]);
    }
    values[3] = Int32GetDatum(at.port);
    nulls[3] = false;
    values[8] = JsonbPGetDatum(connection.env);
    nulls[8] = connection.env == nullptr;
    return row(fcinfo, values, nulls);
}

} // namespace appinfra::arguments
