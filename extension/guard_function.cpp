/*
 * Refuses functions by what they are made of. See guard_function.hpp.
 *
 * A function is known by its source and its language, not by its OID or name, for anybody may give
 * it another. What was found is remembered until some function changes.
 */
#include "guard_function.hpp"

#include "guard.hpp"
#include "settings.hpp"
#include "source_rules.hpp"

namespace appinfra::guard
{

static constexpr Rule library_rule = {
    "function_library",
    "Its code is neither the server's nor that of an extension in appinfra.allowed_extensions."};
static constexpr Rule unknown_rule = {"function_unknown", "The function cannot be looked up."};
static constexpr Rule extension_rule = {"extension", "It is not in appinfra.allowed_extensions."};
static constexpr Rule language_rule = {"untrusted_language",
                                       "Functions of this language can do what the server can."};
static constexpr Rule system_rule = {"system_schema", "No tenant makes or changes what is in "
                                                      "pg_catalog."};

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
static void check_extension(Oid extension);
static void check_object(ObjectAccessType access, Oid class_id, Oid object_id);
static bool is_of_server(Oid class_id, Oid object_id);
static bool is_of_system_schema(Oid class_id, HeapTuple tuple, Relation catalog);
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
    }
}

/*
 * Refuses an extension by name, before its script has run: CASCADE creates some that no statement
 * names. What was just created is not visible to this command's snapshot yet.
 */
static void
check_extension(Oid extension)
{
    Relation catalog = table_open(ExtensionRelationId, AccessShareLock);
    const char *name = "?";
    ScanKeyData key;

    ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(extension));
    SysScanDesc scan =
        systable_beginscan(catalog, ExtensionOidIndexId, true, SnapshotSelf, 1, &key);
    HeapTuple tuple = systable_getnext(scan);
    if (HeapTupleIsValid(tuple))
        name = pstrdup(NameStr(reinterpret_cast<Form_pg_extension>(GETSTRUCT(tuple))->extname));
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    if (!settings::is_allowed_extension(name))
        refuse(extension_rule, psprintf("extension %s", name));
}

/*
 * Refuses to make, change or drop a function or an operator of pg_catalog: a superuser who looks
 * after this database would run it. And to make a function of an untrusted language, by whatever
 * way it is made.
 */
static void
check_object(ObjectAccessType access, Oid class_id, Oid object_id)
{
    if (is_of_server(class_id, object_id))
        refuse(system_rule, "an object that came with the server");
    if (class_id != ProcedureRelationId && class_id != OperatorRelationId &&
        class_id != OperatorClassRelationId && class_id != OperatorFamilyRelationId &&
        class_id != CollationRelationId && class_id != ConversionRelationId)
        return;
    Relation catalog = table_open(class_id, AccessShareLock);
    bool is_system = false;
    bool is_untrusted = false;
    ScanKeyData key;
    ScanKeyInit(&key, get_object_attnum_oid(class_id), BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(object_id));
    SysScanDesc scan = systable_beginscan(catalog, get_object_oid_index(class_id), true,
                                          access == OAT_DROP ? nullptr : SnapshotSelf, 1, &key);
    HeapTuple tuple = systable_getnext(scan);
    if (HeapTupleIsValid(tuple)) {
        is_system = is_of_system_schema(class_id, tuple, catalog);
        is_untrusted =
            access == OAT_POST_CREATE && class_id == ProcedureRelationId &&
            is_untrusted_language(reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang);
    }
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    if ((is_system || is_untrusted) && !is_in_allowed_extension())
        refuse(is_system ? system_rule : language_rule, "an object that superusers rely on");
}

/* Tells whether it is a schema, a relation or a type that came with the server. */
static bool
is_of_server(Oid class_id, Oid object_id)
{
    return object_id < FirstNormalObjectId &&
           (class_id == RelationRelationId || class_id == TypeRelationId ||
            (class_id == NamespaceRelationId && object_id != PG_PUBLIC_NAMESPACE));
}

static bool
is_of_system_schema(Oid class_id, HeapTuple tuple, Relation catalog)
{
    bool null;
    Datum schema = heap_getattr(tuple, get_object_attnum_namespace(class_id),
                                RelationGetDescr(catalog), &null);

    return !null && DatumGetObjectId(schema) == PG_CATALOG_NAMESPACE;
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
 * (those have low OIDs) nor of an allowed extension nor ours.
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
        if (!found.denied && !is_ours && function >= FirstNormalObjectId &&
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
    if (verdicts != nullptr && !forget_verdicts &&
        extensions_generation == settings::allowed_extensions_generation)
        return;
    if (verdicts == nullptr)
        CacheRegisterSyscacheCallback(PROCOID, on_function_change, static_cast<Datum>(0));
    else
        hash_destroy(verdicts);
    HASHCTL control = {};
    control.keysize = sizeof(Oid);
    control.entrysize = sizeof(Verdict);
    verdicts = hash_create("appinfra verdicts", 64, &control, HASH_ELEM | HASH_BLOBS);
    extensions_generation = settings::allowed_extensions_generation;
    forget_verdicts = false;
}

/* A function was made, dropped or changed: what is remembered may be wrong. */
static void
on_function_change(Datum, int, uint32)
{
    forget_verdicts = true;
}

} // namespace appinfra::guard
