/* Runs kept plans and reads their results. See query.hpp. */
#include "base/query.hpp"

namespace appinfra::query
{

constexpr size_t arguments_limit = 20;

static void prepare(Query &query, std::initializer_list<Arg> args);

Arg
text(const char *value)
{
    return {TEXTOID, value != nullptr ? CStringGetTextDatum(value) : 0, value == nullptr};
}

Arg
oid(Oid value)
{
    return {OIDOID, ObjectIdGetDatum(value), false};
}

Arg
int4(int32 value)
{
    return {INT4OID, Int32GetDatum(value), false};
}

Arg
int8(int64 value)
{
    return {INT8OID, Int64GetDatum(value), false};
}

Arg
id(int64 value)
{
    return {INT8OID, Int64GetDatum(value), value == 0};
}

Arg
float8(double value)
{
    return {FLOAT8OID, Float8GetDatum(value), false};
}

Arg
boolean(bool value)
{
    return {BOOLOID, BoolGetDatum(value), false};
}

Arg
uuid(const pg_uuid_t *value)
{
    return {UUIDOID, UUIDPGetDatum(value), value == nullptr};
}

Arg
interval(const Interval *value)
{
    return {INTERVALOID, PointerGetDatum(value), value == nullptr};
}

Arg
timestamp(std::optional<TimestampTz> value)
{
    return {TIMESTAMPTZOID, TimestampTzGetDatum(value ? *value : 0), !value};
}

Arg
texts(Datum value)
{
    return {TEXTARRAYOID, value, false};
}

Arg
jsonb(const Jsonb *value)
{
    return {JSONBOID, PointerGetDatum(value), value == nullptr};
}

Arg
bytes(const bytea *value)
{
    return {BYTEAOID, PointerGetDatum(value), value == nullptr};
}

Arg
xid8(std::optional<FullTransactionId> value)
{
    return {XID8OID, UInt64GetDatum(value ? value->value : 0), !value};
}

Rows
run(Query &query, std::initializer_list<Arg> args)
{
    Datum values[arguments_limit];
    char nulls[arguments_limit];
    int count = 0;

    if (args.size() > arguments_limit)
        elog(ERROR, "registry query has %zu arguments, more than %zu", args.size(),
             arguments_limit);
    if (query.plan == nullptr)
        prepare(query, args);
    for (const Arg &arg : args) {
        values[count] = arg.value;
        nulls[count++] = arg.null ? 'n' : ' ';
    }
    int result = SPI_execute_plan(query.plan, values, nulls, false, 0);
    if (result < 0)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
                        errmsg("registry query failed: %s", SPI_result_code_string(result))));
    return {.count = SPI_processed, .table = SPI_tuptable};
}

Rows
execute(const char *sql)
{
    int result = SPI_execute(sql, false, 0);

    if (result < 0)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
                        errmsg("statement failed: %s", SPI_result_code_string(result)),
                        errdetail("It begins with \"%.200s\".", sql)));
    return {.count = SPI_processed, .table = SPI_tuptable};
}

char *
Rows::text(uint64 row, int column) const
{
    return SPI_getvalue(table->vals[row], table->tupdesc, column);
}

int64
Rows::int8(uint64 row, int column) const
{
    return DatumGetInt64(datum(row, column));
}

int32
Rows::int4(uint64 row, int column) const
{
    return DatumGetInt32(datum(row, column));
}

Oid
Rows::oid(uint64 row, int column) const
{
    return DatumGetObjectId(datum(row, column));
}

bool
Rows::boolean(uint64 row, int column) const
{
    return DatumGetBool(datum(row, column));
}

bool
Rows::is_null(uint64 row, int column) const
{
    bool null;

    SPI_getbinval(table->vals[row], table->tupdesc, column, &null);
    return null;
}

Datum
Rows::datum(uint64 row, int column) const
{
    bool null;
    Datum value = SPI_getbinval(table->vals[row], table->tupdesc, column, &null);

    return null ? 0 : value;
}

/* Plans the statement with the types of these arguments and keeps the plan. */
static void
prepare(Query &query, std::initializer_list<Arg> args)
{
    Oid types[arguments_limit];
    int count = 0;

    for (const Arg &arg : args)
        types[count++] = arg.type;
    SPIPlanPtr plan = SPI_prepare(query.sql, count, types);
    if (plan == nullptr)
        ereport(ERROR,
                (errcode(ERRCODE_INTERNAL_ERROR), errmsg("registry query could not be planned: %s",
                                                         SPI_result_code_string(SPI_result))));
    SPI_keepplan(plan);
    query.plan = plan;
}

} // namespace appinfra::query
