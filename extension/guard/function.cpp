/*
 * Judges functions by what they are made of. See function.hpp.
 *
 * A function is known by its source and its language, not by its OID or name, for anybody may give
 * it another. What was found is remembered until some function changes.
 */
#include "guard/function.hpp"

#include "base/oid_memory.hpp"
#include "base/settings.hpp"
#include "guard/source_rules.hpp"

namespace appinfra::guard
{

static constexpr Rule library_rule = {
    "function_library",
    "Its code is neither the server's nor that of an extension in appinfra.allowed_extensions."};
static constexpr Rule unknown_rule = {"function_unknown", "The function cannot be looked up."};
static constexpr Rule language_rule = {"untrusted_language",
                                       "Functions of this language can do what the server can."};
const Rule activity_rule = {"function_activity",
                            "It shows what other tenants run; tenant_sessions() shows this one's."};

const Rule text_rule = {
    "stored_sql", "It runs text as SQL, or changes settings, for whoever looks at what is stored."};

static HTAB *verdicts;
static bool forget_verdicts;
static unsigned extensions_generation; /* for which the verdicts hold */

static Verdict judge(Oid function);
static void judge_native(HeapTuple tuple, Verdict *found);
static void judge_source(const char *source, Verdict *found);
static void judge_aggregate(Verdict *found);
static bool is_our_library(HeapTuple tuple);
static bool is_of_allowed_extension(Oid function);
static void prepare_memory();
static void on_function_change(Datum argument, int cache, uint32 hash);

const Rule *
rule_for_others(const Verdict *found)
{
    if (found->denied)
        return &found->rule;
    if (found->shows_activity)
        return &activity_rule;
    return found->runs_text ? &text_rule : nullptr;
}

bool
is_denied_function(Oid function)
{
    return verdict_on(function)->denied;
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

const Verdict *
verdict_on(Oid function)
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
 * (those have low OIDs) nor of an allowed extension nor ours.
 */
static Verdict
judge(Oid function)
{
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    Verdict found = {.function = function,
                     .denied = false,
                     .shows_activity = false,
                     .runs_text = false,
                     .rule = {}};

    if (!HeapTupleIsValid(tuple)) {
        found.denied = true;
        found.rule = unknown_rule;
        return found;
    }
    const auto *form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    if (form->prokind == PROKIND_AGGREGATE) {
        judge_aggregate(&found);
    } else if (form->prolang == INTERNALlanguageId || form->prolang == ClanguageId) {
        judge_native(tuple, &found);
    } else if (function >= FirstNormalObjectId && is_untrusted_language(form->prolang) &&
               !is_of_allowed_extension(function)) {
        found.denied = true;
        found.rule = language_rule;
    }
    ReleaseSysCache(tuple);
    return found;
}

/* Judges a function of the server, or of a library, by its source and where it comes from. */
static void
judge_native(HeapTuple tuple, Verdict *found)
{
    const auto *form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    bool null;
    Datum prosrc = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &null);
    const char *source = null ? "" : TextDatumGetCString(prosrc);

    judge_source(source, found);
    if (found->denied || found->function < FirstNormalObjectId)
        return;
    bool is_ranges = form->prolang == INTERNALlanguageId && is_range_constructor(source);
    if (!is_ranges && !is_our_library(tuple) && !is_of_allowed_extension(found->function)) {
        found->denied = true;
        found->rule = library_rule;
    }
}

static void
judge_source(const char *source, Verdict *found)
{
    if (const SourceRule *denial = rule_of_source(source)) {
        found->denied = true;
        found->rule = {denial->rule, denial->reason};
    }
    found->shows_activity = is_activity_source(source);
    found->runs_text = is_text_source(source);
}

/*
 * An aggregate has no code of its own: it is what its functions are, each of which is checked by
 * itself where the aggregate is run. Here it counts what it does when it is stored somewhere.
 */
static void
judge_aggregate(Verdict *found)
{
    HeapTuple tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(found->function));

    if (!HeapTupleIsValid(tuple))
        return; /* it is just being made */
    const auto *form = reinterpret_cast<Form_pg_aggregate>(GETSTRUCT(tuple));
    for (Oid part :
         {form->aggtransfn, form->aggfinalfn, form->aggcombinefn, form->aggserialfn,
          form->aggdeserialfn, form->aggmtransfn, form->aggminvtransfn, form->aggmfinalfn}) {
        if (!OidIsValid(part) || found->denied)
            continue;
        Verdict of_part = judge(part);
        found->denied = of_part.denied;
        found->rule = of_part.rule;
        found->shows_activity |= of_part.shows_activity;
        /* what calls them by name is not seen when the aggregate is used */
        found->runs_text |= of_part.runs_text || part == F_SET_CONFIG ||
                            part == F_CURRENT_SETTING_TEXT || part == F_CURRENT_SETTING_TEXT_BOOL;
    }
    ReleaseSysCache(tuple);
}

static bool
is_our_library(HeapTuple tuple)
{
    bool null;
    Datum binary = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_probin, &null);

    return !null && strcmp(TextDatumGetCString(binary), "$libdir/appinfra") == 0 &&
           reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang == ClanguageId;
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
