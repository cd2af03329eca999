/*
 * What a tenant may see of the host's lists: its own statements, and the extensions it may have.
 *
 * pg_stat_statements shows the statements of all databases. Here its function runs as superuser, by
 * its address and not by a name of this database, and only rows of this database and of the
 * tenant's own roles leave it. Rows count by the role that the session had become, the group of its
 * access.
 */
#include "base/label.hpp"
#include "base/settings.hpp"
#include "entry/arguments.hpp"
#include "guard/function.hpp"

using namespace appinfra;

extern "C" {
SQL_FUNCTION(appinfra_tenant_statements);
SQL_FUNCTION(appinfra_tenant_extensions);
}

/* The form of its rows that 15 to 18 know; it begins with userid and dbid. */
constexpr const char *source = "pg_stat_statements_1_9";
constexpr int columns = 33;

static void require_loaded();
static void read_all(FunctionCallInfo fcinfo, ReturnSetInfo *all);
static bool is_visible(Oid role, const label::Label &mine);
static void add_extension(ReturnSetInfo *result, const char *name);

Datum
appinfra_tenant_statements(PG_FUNCTION_ARGS)
{
    label::Label mine;
    ReturnSetInfo all = *reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    ReturnSetInfo *result = arguments::begin_set(fcinfo, "tenant_statements()");

    require_loaded();
    if (!label::of_role(GetAuthenticatedUserId(), &mine))
        PG_RETURN_VOID();
    read_all(fcinfo, &all);
    TupleTableSlot *slot = MakeSingleTupleTableSlot(result->setDesc, &TTSOpsMinimalTuple);
    while (tuplestore_gettupleslot(all.setResult, true, false, slot)) {
        slot_getallattrs(slot);
        if (DatumGetObjectId(slot->tts_values[1]) == MyDatabaseId &&
            is_visible(DatumGetObjectId(slot->tts_values[0]), mine))
            tuplestore_puttupleslot(result->setResult, slot);
    }
    ExecDropSingleTupleTableSlot(slot);
    PG_RETURN_VOID();
}

Datum
appinfra_tenant_extensions(PG_FUNCTION_ARGS)
{
    ReturnSetInfo *result = arguments::begin_set(fcinfo, "tenant_extensions()");
    char *names = const_cast<char *>(settings::effective_extensions());

    for (char *rest = names, *name = strtok_r(names, ", ", &rest); name != nullptr;
         name = strtok_r(nullptr, ", ", &rest))
        add_extension(result, name);
    PG_RETURN_VOID();
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
 * was called: that of tenant_statements(), which has the same columns.
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

/* An owner sees what all of the tenant's roles ran, others what ran as their login or its group. */
static bool
is_visible(Oid role, const label::Label &mine)
{
    label::Label other;

    if (role == GetAuthenticatedUserId())
        return true;
    return label::of_role(role, &other) && strcmp(other.db_id, mine.db_id) == 0 &&
           (strcmp(mine.detail, "owner") == 0 ||
            (strcmp(other.kind, "group") == 0 && strcmp(other.detail, mine.detail) == 0));
}

/* Adds an extension that the server has. */
static void
add_extension(ReturnSetInfo *result, const char *name)
{
    const char *version = guard::control_item(name, "default_version");
    const char *trusted = guard::control_item(name, "trusted");
    bool is_trusted = false;
    Oid installed = get_extension_oid(name, true);

    if (version == nullptr)
        return;
    (void)parse_bool(trusted != nullptr ? trusted : "false", &is_trusted);
    Datum values[] = {CStringGetTextDatum(name), CStringGetTextDatum(version),
                      BoolGetDatum(OidIsValid(installed)),
                      CStringGetTextDatum(is_trusted ? "CREATE EXTENSION" : "platform")};
    bool nulls[lengthof(values)] = {};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
