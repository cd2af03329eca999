/*
 * Puts settings back after made code. See session_settings.hpp.
 *
 * Core counts levels of nested changes and can take a level back, as it does for the SET clauses of
 * a function. Such a function has a level of its own, which ends before we are told, and a
 * procedure may commit: there the values are compared instead, and a change is refused.
 */
#include "guard/session_settings.hpp"

#include "guard/guard.hpp"

namespace appinfra::guard::session_settings
{

static int level;                    /* to take back; 0: values are compared */
static bool is_comparing;            /* the outermost call goes on, and its values are compared */
static StringInfoData before, after; /* the values */

static bool can_be_taken_back(Oid function);
static bool have_changed();
static void write_down(StringInfo values);
static void append_value(StringInfo values, const config_generic *setting);
static void before_commit(XactEvent event, void *argument);

void
enter(Oid function)
{
    static bool is_watching;

    is_comparing = !can_be_taken_back(function);
    if (!is_comparing) {
        level = NewGUCNestLevel();
        return;
    }
    level = 0;
    if (!is_watching) {
        MemoryContext previous = MemoryContextSwitchTo(TopMemoryContext);

        initStringInfo(&before);
        initStringInfo(&after);
        RegisterXactCallback(before_commit, nullptr);
        is_watching = true;
        MemoryContextSwitchTo(previous);
    }
    write_down(&before);
}

bool
leave()
{
    if (!is_comparing) {
        AtEOXact_GUC(false, level);
        return false;
    }
    is_comparing = false;
    return have_changed();
}

/* A call that has ended by an error leaves no level: that goes with the transaction. */
static bool
can_be_taken_back(Oid function)
{
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));

    if (!HeapTupleIsValid(tuple))
        return false;
    bool can = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prokind != PROKIND_PROCEDURE &&
               heap_attisnull(tuple, Anum_pg_proc_proconfig, nullptr);
    ReleaseSysCache(tuple);
    return can;
}

static bool
have_changed()
{
    write_down(&after);
    return before.len != after.len ||
           memcmp(before.data, after.data, static_cast<size_t>(before.len)) != 0;
}

/* Names with a dot mean nothing to the server; what only superusers may set is closed already. */
static void
write_down(StringInfo values)
{
    resetStringInfo(values);
    for (const config_generic *setting : pg::all_settings())
        if (setting->context == PGC_USERSET && strchr(setting->name, '.') == nullptr)
            append_value(values, setting);
}

static void
append_value(StringInfo values, const config_generic *setting)
{
    auto append = [values](const auto &value) {
        appendBinaryStringInfo(values, reinterpret_cast<const char *>(&value), sizeof(value));
    };

    switch (setting->vartype) {
    case PGC_BOOL:
        append(*reinterpret_cast<const config_bool *>(setting)->variable);
        break;
    case PGC_INT:
        append(*reinterpret_cast<const config_int *>(setting)->variable);
        break;
    case PGC_REAL:
        append(*reinterpret_cast<const config_real *>(setting)->variable);
        break;
    case PGC_ENUM:
        append(*reinterpret_cast<const config_enum *>(setting)->variable);
        break;
    case PGC_STRING:
        const char *text = *reinterpret_cast<const config_string *>(setting)->variable;

        appendStringInfoString(values, text != nullptr ? text : "\1");
        appendStringInfoChar(values, '\0');
        break;
    }
}

/* What a procedure commits can no longer be taken back when its call ends. */
static void
before_commit(XactEvent event, void *)
{
    if (event == XACT_EVENT_PRE_COMMIT && is_running_made_code() && is_comparing && have_changed())
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("permission denied to tenants: settings that a procedure commits")));
}

} // namespace appinfra::guard::session_settings
