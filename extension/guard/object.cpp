/*
 * Refuses objects by what they are made of and by their schema. See object.hpp.
 *
 * This sees what was made, by whatever statement or script. What was just created is not visible to
 * the command's snapshot yet.
 */
#include "guard/object.hpp"

#include "base/settings.hpp"
#include "guard/function.hpp"
#include "guard/guard.hpp"

namespace appinfra::guard
{

static constexpr Rule extension_rule = {"extension", "It is not in appinfra.allowed_extensions."};
static constexpr Rule language_rule = {"untrusted_language",
                                       "Functions of this language can do what the server can."};
static constexpr Rule system_rule = {
    "system_schema", "No tenant makes or changes what is in the schemas of the server."};
static constexpr Rule parent_rule = {
    "system_parent", "Whoever reads a table of the server would read its children."};
static constexpr Rule member_rule = {"extension_members",
                                     "What belongs to an extension is what its script made."};
static constexpr Rule operator_rule = {"operator_function",
                                       "No tenant may execute the operator's function."};

static const Rule *rule_of_row(ObjectAccessType access, Oid class_id, HeapTuple tuple,
                               Relation catalog);
static bool is_of_server(Oid class_id, Oid object_id);
static bool is_in_system_schema(Oid class_id, HeapTuple tuple, Relation catalog);
static bool is_in_schema(Oid class_id);
static bool is_of_extension(HeapTuple tuple);
static bool is_untrusted_function(HeapTuple tuple, Relation catalog);
static bool is_denied_operator(HeapTuple tuple);
static bool is_system_schema(Oid schema);

/*
 * Refuses an extension by name, before its script has run: CASCADE creates some that no statement
 * names. And in a schema of the server's, unless it is made for that: its operators would be found
 * before the server's own.
 */
void
check_extension(Oid extension)
{
    Relation catalog = table_open(ExtensionRelationId, AccessShareLock);
    const char *name = "?";
    Oid schema = InvalidOid;
    ScanKeyData key;

    ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(extension));
    SysScanDesc scan =
        systable_beginscan(catalog, ExtensionOidIndexId, true, SnapshotSelf, 1, &key);
    HeapTuple tuple = systable_getnext(scan);
    if (HeapTupleIsValid(tuple)) {
        name = pstrdup(NameStr(reinterpret_cast<Form_pg_extension>(GETSTRUCT(tuple))->extname));
        schema = reinterpret_cast<Form_pg_extension>(GETSTRUCT(tuple))->extnamespace;
    }
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    if (!settings::is_allowed_extension(name))
        refuse(extension_rule, psprintf("extension %s", name));
    if (is_system_schema(schema) && control_item(name, "schema") == nullptr)
        refuse(system_rule, psprintf("extension %s", name));
}

void
check_parent(Oid parent)
{
    if (parent < FirstNormalObjectId)
        refuse(parent_rule, "inheriting from a table of the server");
}

/*
 * Refuses to make, change or drop what came with the server, or anything in a schema of the
 * server's: a superuser who looks after this database would run it.
 */
void
check_object(ObjectAccessType access, Oid class_id, Oid object_id)
{
    if (is_of_server(class_id, object_id))
        refuse(system_rule, "an object that came with the server");
    if (!is_in_schema(class_id))
        return;
    Relation catalog = table_open(class_id, AccessShareLock);
    const Rule *rule = nullptr;
    ScanKeyData key;
    ScanKeyInit(&key, get_object_attnum_oid(class_id), BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(object_id));
    SysScanDesc scan = systable_beginscan(catalog, get_object_oid_index(class_id), true,
                                          access == OAT_DROP ? nullptr : SnapshotSelf, 1, &key);
    HeapTuple tuple = systable_getnext(scan);
    if (HeapTupleIsValid(tuple))
        rule = rule_of_row(access, class_id, tuple, catalog);
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    if (rule != nullptr && !is_in_allowed_extension())
        refuse(*rule, "an object that superusers rely on");
}

/* Tells whether these are objects of a schema that others find by name, or constraints of such. */
static bool
is_in_schema(Oid class_id)
{
    for (Oid looked_at : {ProcedureRelationId, OperatorRelationId, OperatorClassRelationId,
                          OperatorFamilyRelationId, CollationRelationId, ConversionRelationId,
                          TypeRelationId, RelationRelationId, ConstraintRelationId})
        if (class_id == looked_at)
            return true;
    return false;
}

/* Returns the rule that the object breaks, or null. */
static const Rule *
rule_of_row(ObjectAccessType access, Oid class_id, HeapTuple tuple, Relation catalog)
{
    if (is_in_system_schema(class_id, tuple, catalog))
        return &system_rule;
    if (class_id == ProcedureRelationId && access == OAT_POST_CREATE &&
        is_untrusted_function(tuple, catalog))
        return &language_rule;
    if (class_id == ProcedureRelationId && access != OAT_DROP && is_of_extension(tuple))
        return &member_rule;
    if (class_id == OperatorRelationId && access != OAT_DROP && is_denied_operator(tuple))
        return &operator_rule;
    return nullptr;
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
is_in_system_schema(Oid class_id, HeapTuple tuple, Relation catalog)
{
    bool null;
    Datum schema = heap_getattr(tuple, get_object_attnum_namespace(class_id),
                                RelationGetDescr(catalog), &null);

    return !null && is_system_schema(DatumGetObjectId(schema));
}

/* A superuser's function could replace the body of one; no script is at work then. */
static bool
is_of_extension(HeapTuple tuple)
{
    return !creating_extension &&
           OidIsValid(getExtensionOfObject(ProcedureRelationId,
                                           reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->oid));
}

/*
 * An aggregate's language says nothing: it is made of functions, and each of them is checked. The
 * constructors of a range type are internal functions, and anybody may make the type.
 */
static bool
is_untrusted_function(HeapTuple tuple, Relation catalog)
{
    const auto *form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    bool null;
    Datum source = heap_getattr(tuple, Anum_pg_proc_prosrc, RelationGetDescr(catalog), &null);

    if (form->prokind == PROKIND_AGGREGATE || !is_untrusted_language(form->prolang))
        return false;
    return null || form->prolang != INTERNALlanguageId ||
           !is_range_constructor(TextDatumGetCString(source));
}

/*
 * The planner calls an operator's function to estimate, without the check that others pass. And
 * others may find the operator by its name, with the tenant's rows as its arguments.
 */
static bool
is_denied_operator(HeapTuple tuple)
{
    Oid function = reinterpret_cast<Form_pg_operator>(GETSTRUCT(tuple))->oprcode;

    return OidIsValid(function) && rule_for_others(verdict_on(function)) != nullptr;
}

/*
 * Tells whether the schema came with the server; public did, but is the tenant's, and each table
 * may have a part in pg_toast.
 */
static bool
is_system_schema(Oid schema)
{
    return OidIsValid(schema) && schema < FirstNormalObjectId && schema != PG_PUBLIC_NAMESPACE &&
           schema != PG_TOAST_NAMESPACE;
}

} // namespace appinfra::guard
