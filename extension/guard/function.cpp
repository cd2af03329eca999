/*
 * Refuses functions by what they are made of. See guard_function.hpp.
 *
 * A function is known by its source and its language, not by its OID or name, for anybody may give
 * it another. What was found is remembered until some function changes.
 */
#include "guard/function.hpp"

#include "base/oid_memory.hpp"
#include "base/settings.hpp"
#include "guard/guard.hpp"
#include "guard/object.hpp"
#include "guard/setting.hpp"
#include "guard/source_rules.hpp"

namespace appinfra::guard
{

static constexpr Rule library_rule = {
    "function_library",
    "Its code is neither the server's nor that of an extension in appinfra.allowed_extensions."};
static constexpr Rule unknown_rule = {"function_unknown", "The function cannot be looked up."};
static constexpr Rule language_rule = {"untrusted_language",
                                       "Functions of this language can do what the server can."};
static constexpr Rule activity_rule = {
    "function_activity", "It shows what other tenants run; tenant_sessions() shows this one's."};

/* Functions that show queries of others to whoever may read all statistics, by source. */
static constexpr const char *activity_sources[] = {"pg_stat_get_activity",
                                                   "pg_stat_get_backend_activity"};

/* What was found about a function. */
struct Verdict {
    Oid function; /* key */
    bool denied;
    bool shows_activity;
    Rule rule;
};

static object_access_hook_type next_object_access;
static HTAB *verdicts;
static bool forget_verdicts;
static unsigned extensions_generation; /* for which the verdicts hold */

static void object_access(ObjectAccessType access, Oid class_id, Oid object_id, int part,
                          void *argument);
static void check_function(Oid function);
static const Verdict *verdict(Oid function);
static Verdict judge(Oid function);
static bool is_of_allowed_extension(Oid function);
static void prepare_memory();
static void on_function_change(Datum argument, int cache, uint32 hash);

void
define_functions()
{
    next_object_access = object_access_hook;
    object_access_hook = object_access;
}

bool
is_denied_function(Oid function)
{
    return verdict(function)->denied;
}

bool
is_range_constructor(const char *source)
{
    return strncmp(source, "range_constructor", strlen("range_constructor")) == 0 ||
           strncmp(source, "multirange_constructor", strlen("multirange_constructor")) == 0;
}

bool
is_untrusted_language(Oid language)
{
    if (language == INTERNALlanguageId || language == ClanguageId)
        return true; /* whatever somebody made of lanpltrusted */
    HeapTuple tuple = SearchSysCache1(LANGOID, ObjectIdGetDatum(language));
    bool trusted = HeapTupleIsValid(tuple) &&
                   reinterpret_cast<Form_pg_language>(GETSTRUCT(tuple))->lanpltrusted;

    if (HeapTupleIsValid(tuple))
        ReleaseSysCache(tuple);
    return !trusted;
}

static void
object_access(ObjectAccessType access, Oid class_id, Oid object_id, int part, void *argument)
{
    saw(Hook::object);
    if (is_active()) {
        if (access == OAT_FUNCTION_EXECUTE)
            check_function(object_id);
        else if (access == OAT_POST_CREATE && class_id == ExtensionRelationId)
            check_extension(object_id);
        else if (access == OAT_POST_CREATE || access == OAT_POST_ALTER || access == OAT_DROP)
            check_object(access, class_id, object_id);
    }
    if (next_object_access)
        next_object_access(access, class_id, object_id, part, argument);
}

static void
check_function(Oid function)
{
    const Verdict *found = verdict(function);

    if (found->denied) {
        const char *name = get_func_name(function);

        refuse(found->rule, psprintf("function %s", name != nullptr ? name : "?"));
    } else if (found->shows_activity && has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS)) {
        refuse(activity_rule, "queries of other sessions");
    } else if (function == F_PG_SHOW_ALL_SETTINGS && is_tenant_session()) {
        hide_secret_settings(settings::guard == settings::guard_enforce);
    }
}

/* Returns what is known of the function, finding it out if need be. */
static const Verdict *
verdict(Oid function)
{
    prepare_memory();
    auto *found = static_cast<Verdict *>(hash_search(verdicts, &function, HASH_FIND, nullptr));
    if (found != nullptr)
        return found;
    Verdict fresh = judge(function);
    found = static_cast<Verdict *>(hash_search(verdicts, &function, HASH_ENTER, nullptr));
    *found = fresh;
    return found;
}

/*
 * Judges a function: denied by its source; or for its code, where it is neither the server's own
 * (those have low OIDs) nor of an allowed extension nor ours. Not an aggregate, which has no code:
 * the functions it is made of are checked one by one.
 */
static Verdict
judge(Oid function)
{
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));

    if (!HeapTupleIsValid(tuple))
        return {
            .function = function, .denied = true, .shows_activity = false, .rule = unknown_rule};
    Oid language = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang;
    Verdict found = {.function = function, .denied = false, .shows_activity = false, .rule = {}};
    if (reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prokind == PROKIND_AGGREGATE) {
        ReleaseSysCache(tuple);
        return found;
    }
    if (language == INTERNALlanguageId || language == ClanguageId) {
        bool null;
        Datum source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &null);
        const char *name = null ? "" : TextDatumGetCString(source);

        for (const char *shows : activity_sources)
            found.shows_activity |= strcmp(shows, name) == 0;
        if (const SourceRule *denial = rule_of_source(name)) {
            found.denied = true;
            found.rule = {denial->rule, denial->reason};
        }
        Datum binary = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_probin, &null);
        bool is_ours = !null && language == ClanguageId &&
                       strcmp(TextDatumGetCString(binary), "$libdir/appinfra") == 0;
        bool is_ranges = language == INTERNALlanguageId && is_range_constructor(name);
        if (!found.denied && !is_ours && !is_ranges && function >= FirstNormalObjectId &&
            !is_of_allowed_extension(function)) {
            found.denied = true;
            found.rule = library_rule;
        }
    } else if (function >= FirstNormalObjectId && is_untrusted_language(language) &&
               !is_of_allowed_extension(function)) {
        found.denied = true;
        found.rule = language_rule;
    }
    ReleaseSysCache(tuple);
    return found;
}

static bool
is_of_allowed_extension(Oid function)
{
    Oid extension = getExtensionOfObject(ProcedureRelationId, function);
    const char *name = OidIsValid(extension) ? get_extension_name(extension) : nullptr;

    return name != nullptr && settings::is_allowed_extension(name);
}

/* Makes the memory of verdicts, or empties it when functions or the allowed extensions changed. */
static void
prepare_memory()
{
    if (verdicts == nullptr) {
        verdicts = oid_memory::make<Verdict>("appinfra verdicts");
        CacheRegisterSyscacheCallback(PROCOID, on_function_change, static_cast<Datum>(0));
    } else if (forget_verdicts ||
               extensions_generation != settings::allowed_extensions_generation) {
        forget_verdicts = false;
        oid_memory::empty(verdicts);
    }
    extensions_generation = settings::allowed_extensions_generation;
}

/* A function was made, dropped or changed: what is remembered may be wrong. */
static void
on_function_change(Datum, int, uint32)
{
    forget_verdicts = true;
}

} // namespace appinfra::guard
