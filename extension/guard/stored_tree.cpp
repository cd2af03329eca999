/*
 * Walks over stored expressions when they are made. See stored_tree.hpp.
 *
 * The row is in its catalog already, but not visible to the command's snapshot yet. Of a table that
 * is partitioned it is too early; a partition key takes immutable functions only, and none of those
 * that are refused here is.
 */
#include "guard/stored_tree.hpp"

#include "guard/code.hpp"
#include "guard/function.hpp"
#include "guard/guard.hpp"
#include "guard/setting.hpp"
#include "guard/tenant_of.hpp"
#include "guard/tree.hpp"

namespace appinfra::guard
{

static constexpr Rule relation_rule = {
    "stored_relation", "What a tenant stores uses only relations that the tenant may use itself."};

/* Where expressions are stored: the catalog, how a row is found, and its columns. */
struct Place {
    Oid class_id;
    Oid index;
    AttrNumber key;
    std::array<AttrNumber, 2> trees;
    AttrNumber function = 0; /* column of a function that is called for what the row says */
};

static constexpr Place places[] = {
    {RewriteRelationId,
     RewriteOidIndexId,
     Anum_pg_rewrite_oid,
     {Anum_pg_rewrite_ev_qual, Anum_pg_rewrite_ev_action}},
    {ConstraintRelationId,
     ConstraintOidIndexId,
     Anum_pg_constraint_oid,
     {Anum_pg_constraint_conbin, 0}},
    {PolicyRelationId,
     PolicyOidIndexId,
     Anum_pg_policy_oid,
     {Anum_pg_policy_polqual, Anum_pg_policy_polwithcheck}},
    {StatisticExtRelationId,
     StatisticExtOidIndexId,
     Anum_pg_statistic_ext_oid,
     {Anum_pg_statistic_ext_stxexprs, 0}},
    {TriggerRelationId,
     TriggerOidIndexId,
     Anum_pg_trigger_oid,
     {Anum_pg_trigger_tgqual, 0},
     Anum_pg_trigger_tgfoid},
    {TypeRelationId, TypeOidIndexId, Anum_pg_type_oid, {Anum_pg_type_typdefaultbin, 0}},
    {ProcedureRelationId,
     ProcedureOidIndexId,
     Anum_pg_proc_oid,
     {Anum_pg_proc_prosqlbody, Anum_pg_proc_proargdefaults}},
    {AttrDefaultRelationId,
     AttrDefaultIndexId,
     Anum_pg_attrdef_adrelid,
     {Anum_pg_attrdef_adbin, 0}},
    {IndexRelationId,
     IndexRelidIndexId,
     Anum_pg_index_indexrelid,
     {Anum_pg_index_indexprs, Anum_pg_index_indpred}},
};

static const Place *place_of(Oid class_id);
static void check_row(const Place &place, HeapTuple row, Relation catalog);
static void check_tree(const Place &place, const char *text);
static void check_call(Oid function, void *place);
static void check_arguments(const FuncExpr *call, void *place);
static void check_relation(const pg::RelationNeed *need, void *place);
static bool is_of_statements(Oid relation);
static bool may_use(const pg::RelationNeed *need);
static const Rule *rule_of_call(Oid function, const Place &place);

void
check_stored(Oid class_id, Oid object_id, int part)
{
    const Place *place = place_of(class_id);
    ScanKeyData keys[2];

    if (place == nullptr || is_in_allowed_extension())
        return;
    Relation catalog = table_open(place->class_id, AccessShareLock);
    ScanKeyInit(&keys[0], place->key, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object_id));
    ScanKeyInit(&keys[1], Anum_pg_attrdef_adnum, BTEqualStrategyNumber, F_INT2EQ,
                Int16GetDatum(part));
    SysScanDesc scan = systable_beginscan(catalog, place->index, true, SnapshotSelf,
                                          class_id == AttrDefaultRelationId ? 2 : 1, keys);
    HeapTuple row = systable_getnext(scan);
    if (HeapTupleIsValid(row))
        check_row(*place, row, catalog);
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
}

/* An index is reported as the relation that it is; its expressions are elsewhere. */
static const Place *
place_of(Oid class_id)
{
    if (class_id == RelationRelationId)
        class_id = IndexRelationId;
    for (const Place &place : places)
        if (place.class_id == class_id)
            return &place;
    return nullptr;
}

static void
check_row(const Place &place, HeapTuple row, Relation catalog)
{
    bool null;

    if (place.function != 0) {
        Datum function = heap_getattr(row, place.function, RelationGetDescr(catalog), &null);
        Oid called = DatumGetObjectId(function);

        check_call(called, const_cast<Place *>(&place));
    }
    for (AttrNumber column : place.trees) {
        if (column == 0)
            continue;
        Datum tree = heap_getattr(row, column, RelationGetDescr(catalog), &null);
        if (!null)
            check_tree(place, TextDatumGetCString(tree));
    }
}

static void
check_tree(const Place &place, const char *text)
{
    const tree::Visitors visitors = {.function = check_call,
                                     .call = place.class_id == ProcedureRelationId
                                                 ? nullptr /* a body runs as the tenant alone */
                                                 : check_arguments,
                                     .relation = check_relation};

    tree::visit(static_cast<Node *>(stringToNode(text)), visitors, const_cast<Place *>(&place));
}

/*
 * current_setting() shows to a superuser what no tenant may read. Its name is one that anybody may
 * read, or one of the tenant's own, and it is written there.
 */
static void
check_arguments(const FuncExpr *call, void *)
{
    if (call->funcid != F_CURRENT_SETTING_TEXT && call->funcid != F_CURRENT_SETTING_TEXT_BOOL)
        return;
    const auto *name = static_cast<const Const *>(linitial(call->args));
    if (!IsA(name, Const) ||
        (!name->constisnull && is_secret_setting(TextDatumGetCString(name->constvalue))))
        refuse(text_rule, "function current_setting in what is stored");
}

/*
 * Others use what is stored with rights of their own, in a view WITH (security_invoker), a policy
 * or a rule. So the tenant itself may use what it names; and it names nothing of the server's to be
 * written.
 */
static void
check_relation(const pg::RelationNeed *need, void *)
{
    constexpr AclMode writes = ACL_INSERT | ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE;
    bool is_written = need->relid < FirstNormalObjectId && (need->requiredPerms & writes) != 0;

    if (is_written || !may_use(need) || is_of_statements(need->relid))
        refuse(relation_rule, psprintf("relation %s in what is stored", get_rel_name(need->relid)));
}

/* Tells whether it shows the queries of all to whoever may see them: those of pg_stat_statements.
 */
static bool
is_of_statements(Oid relation)
{
    Oid extension = relation < FirstNormalObjectId
                        ? InvalidOid
                        : getExtensionOfObject(RelationRelationId, relation);
    const char *name = OidIsValid(extension) ? get_extension_name(extension) : nullptr;

    return name != nullptr && strcmp(name, "pg_stat_statements") == 0;
}

/* Tells whether the current user has each right, on some column at least, or its tenant owns it. */
static bool
may_use(const pg::RelationNeed *need)
{
    Oid owner = owner_of_relation(need->relid);

    if (!OidIsValid(owner))
        return true; /* it is just being made */
    if (guarded_tenant() != nullptr && is_role_of(owner, guarded_tenant()))
        return true;
    for (AclMode right : {ACL_SELECT, ACL_INSERT, ACL_UPDATE, ACL_DELETE})
        if ((need->requiredPerms & right) != 0 &&
            pg_class_aclcheck(need->relid, GetUserId(), right) != ACLCHECK_OK &&
            pg_attribute_aclcheck_all(need->relid, GetUserId(), right, ACLMASK_ANY) != ACLCHECK_OK)
            return false;
    return true;
}

static void
check_call(Oid function, void *argument)
{
    if (const Rule *rule = rule_of_call(function, *static_cast<const Place *>(argument))) {
        const char *name = get_func_name(function);

        refuse(*rule, psprintf("function %s in what is stored", name != nullptr ? name : "?"));
    }
    if (function >= FirstNormalObjectId) {
        Code code = *code_of(function);

        check_code(code);
    }
}

/* Returns the rule by which the function may not stand there, or null. */
static const Rule *
rule_of_call(Oid function, const Place &place)
{
    if (const Rule *rule = rule_for_others(verdict_on(function)))
        return rule;
    /* a body is the tenant's code, which runs as nobody else */
    if ((function == F_SET_CONFIG || function == F_CURRENT_QUERY) &&
        place.class_id != ProcedureRelationId)
        return &text_rule;
    return nullptr;
}

} // namespace appinfra::guard
