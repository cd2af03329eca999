/* Reads pg_stat_statements. See statement_rows.hpp. */
#include "entry/statement_rows.hpp"

#include "base/refusal.hpp"
#include "entry/arguments.hpp"

namespace appinfra::statement_rows
{

/* The form of its rows that 15 to 18 know; it begins with userid and dbid. */
constexpr const char *source = "pg_stat_statements_1_9";

static void require_loaded();
static void read_all(FunctionCallInfo fcinfo, ReturnSetInfo *all);

void
add(FunctionCallInfo fcinfo, const char *function, Oid database,
    bool (*is_visible)(Oid role, const label::Label &mine), const label::Label &mine)
{
    ReturnSetInfo all = *reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    ReturnSetInfo *result = arguments::begin_set(fcinfo, function);

    require_loaded();
    read_all(fcinfo, &all);
    TupleTableSlot *slot = MakeSingleTupleTableSlot(result->setDesc, &TTSOpsMinimalTuple);
    while (tuplestore_gettupleslot(all.setResult, true, false, slot)) {
        slot_getallattrs(slot);
        if (DatumGetObjectId(slot->tts_values[1]) == database &&
            is_visible(DatumGetObjectId(slot->tts_values[0]), mine))
            tuplestore_puttupleslot(result->setResult, slot);
    }
    ExecDropSingleTupleTableSlot(slot);
}

/* Raises where the library does not count. */
static void
require_loaded()
{
    if (strstr(shared_preload_libraries_string, "pg_stat_statements") == nullptr)
        raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "pg_stat_statements is not loaded",
                     "This host counts no statements.",
                     "The host's administrator adds it to shared_preload_libraries and restarts."));
}

/*
 * Calls the function of the library as superuser. Its result type is asked for by the OID of what
 * was called: that of the caller, which has the same columns.
 */
static void
read_all(FunctionCallInfo fcinfo, ReturnSetInfo *all)
{
    LOCAL_FCINFO(call, 1);
    FmgrInfo info = *fcinfo->flinfo;
    Oid user;
    int context;

    info.fn_addr = reinterpret_cast<PGFunction>(
        load_external_function("$libdir/pg_stat_statements", source, true, nullptr));
    info.fn_nargs = 1;
    InitFunctionCallInfoData(*call, &info, 1, InvalidOid, nullptr, reinterpret_cast<Node *>(all));
    call->args[0] = {.value = BoolGetDatum(true), .isnull = false};
    GetUserIdAndSecContext(&user, &context);
    SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, context | SECURITY_LOCAL_USERID_CHANGE);
    (void)FunctionCallInvoke(call);
    SetUserIdAndSecContext(user, context);
}

} // namespace appinfra::statement_rows
