/*
 * Refuses what would run a tenant's code for whoever uses another's table. See others_table.hpp.
 *
 * A right that was granted by mistake (TRIGGER, REFERENCES), or a superuser's function, would let a
 * tenant put it there. Let through is what is made on a table of this transaction or a temporary
 * one: nobody else uses that yet.
 */
#include "guard/others_table.hpp"

#include "guard/function.hpp"
#include "guard/guard.hpp"
#include "guard/tenant_of.hpp"

namespace appinfra::guard
{

static constexpr Rule table_rule = {
    "others_table",
    "No tenant puts a trigger, a rule, a policy, an index or a foreign key on a table that is not "
    "its own."};

static bool is_work_of_tenant_itself();
static bool breaks_rule(Oid class_id, HeapTuple row);
static bool is_foreign_key_to_others(const FormData_pg_constraint *form);
static bool is_others(Oid relation);
static bool is_tenants(Oid relation);
static bool is_of_this_transaction(Oid relation);

void
check_others_table(Oid class_id, Oid object_id)
{
    bool is_index = class_id == RelationRelationId;
    Oid catalog_id = is_index ? IndexRelationId : class_id;
    ScanKeyData key;

    if ((class_id != TriggerRelationId && class_id != RewriteRelationId &&
         class_id != PolicyRelationId && class_id != ConstraintRelationId && !is_index) ||
        is_in_allowed_extension() || !is_work_of_tenant_itself())
        return;
    Relation catalog = table_open(catalog_id, AccessShareLock);
    ScanKeyInit(&key, is_index ? Anum_pg_index_indexrelid : get_object_attnum_oid(class_id),
                BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object_id));
    SysScanDesc scan =
        systable_beginscan(catalog, is_index ? IndexRelidIndexId : get_object_oid_index(class_id),
                           true, SnapshotSelf, 1, &key);
    HeapTuple row = systable_getnext(scan);
    bool broken = HeapTupleIsValid(row) && breaks_rule(catalog_id, row);
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    if (broken)
        refuse(table_rule, "code on a table of others");
}

/* Not where a superuser's own function works in a superuser's session. */
static bool
is_work_of_tenant_itself()
{
    return is_tenant_session() || tenant_of_role(GetUserId())->is_tenants ||
           tenant_of_role(GetOuterUserId())->is_tenants;
}

/* The triggers of a foreign key are judged as the foreign key. */
static bool
breaks_rule(Oid class_id, HeapTuple row)
{
    switch (class_id) {
    case TriggerRelationId: {
        const auto *form = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(row));

        return !form->tgisinternal && is_others(form->tgrelid);
    }
    case RewriteRelationId:
        return is_others(reinterpret_cast<Form_pg_rewrite>(GETSTRUCT(row))->ev_class);
    case PolicyRelationId:
        return is_others(reinterpret_cast<Form_pg_policy>(GETSTRUCT(row))->polrelid);
    case IndexRelationId:
        return is_others(reinterpret_cast<Form_pg_index>(GETSTRUCT(row))->indrelid);
    default:
        return is_foreign_key_to_others(reinterpret_cast<Form_pg_constraint>(GETSTRUCT(row)));
    }
}

/* The check of a key runs as the owner of the other table, and may call casts of this one's. */
static bool
is_foreign_key_to_others(const FormData_pg_constraint *form)
{
    if (form->contype != CONSTRAINT_FOREIGN)
        return false;
    return is_others(form->conrelid) ||
           (is_tenants(form->conrelid) && !is_tenants(form->confrelid));
}

static bool
is_others(Oid relation)
{
    return OidIsValid(relation) && !is_tenants(relation) && !is_of_this_transaction(relation);
}

/* Tells whether a role of the tenant at work owns the table, or it was made by this command. */
static bool
is_tenants(Oid relation)
{
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));

    if (!HeapTupleIsValid(tuple))
        return true;
    const auto *form = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    Oid owner = form->relowner;
    bool is_temporary = form->relpersistence == RELPERSISTENCE_TEMP;
    ReleaseSysCache(tuple);
    return is_temporary || (guarded_tenant() != nullptr && is_role_of(owner, guarded_tenant()));
}

static bool
is_of_this_transaction(Oid relation)
{
    Relation opened = RelationIdGetRelation(relation);

    if (!RelationIsValid(opened))
        return false;
    bool is_new = opened->rd_createSubid != InvalidSubTransactionId;
    RelationClose(opened);
    return is_new;
}

} // namespace appinfra::guard
