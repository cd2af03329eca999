/* Finds out whose code a function is. See code.hpp. */
#include "guard/code.hpp"

#include "base/oid_memory.hpp"
#include "guard/guard.hpp"
#include "guard/tenant_of.hpp"

namespace appinfra::guard
{

static constexpr Rule tenant_code_rule = {"tenant_code",
                                          "A tenant's code runs with the tenant's rights only."};

/* Catalogs whose rows make core keep a function resolved, for the session or for a transaction. */
static constexpr Oid keepers[] = {CastRelationId, TypeRelationId, ConstraintRelationId,
                                  OperatorRelationId};

static HTAB *memory;
static bool forget_codes;
static unsigned
    dependencies_generation; /* grows when a cast, type, constraint or operator changes */

static void prepare_memory();
static void find_out(Oid function, Code *code);
static bool is_kept_by_core(Oid function);
static void on_code_change(Datum argument, int cache, uint32 hash);
static void on_dependency_change(Datum argument, int cache, uint32 hash);

const Code *
code_of(Oid function)
{
    prepare_memory();
    auto *found = static_cast<Code *>(hash_search(memory, &function, HASH_FIND, nullptr));
    if (found == nullptr ||
        (found->is_tenants && found->kept_generation != dependencies_generation)) {
        Code fresh;

        find_out(function, &fresh);
        found = static_cast<Code *>(hash_search(memory, &function, HASH_ENTER, nullptr));
        *found = fresh;
    }
    return found;
}

void
check_code(const Code &code)
{
    Oid current = GetUserId();

    if (!code.is_tenants || is_role_of(current, code.db_id))
        return;
    const char *name = get_func_name(code.function);
    const char *owner = GetUserNameFromId(code.owner, true);
    refuse_always(tenant_code_rule, code.db_id,
                  psprintf("function %s of %s, run as %s", name != nullptr ? name : "?",
                           owner != nullptr ? owner : "?", GetUserNameFromId(current, false)),
                  owner == nullptr ? nullptr
                                   : psprintf("SET ROLE %s first. Restore a dump with pg_restore "
                                              "--role=%s --no-owner, or with "
                                              "--use-set-session-authorization.",
                                              quote_identifier(owner), owner));
}

static void
prepare_memory()
{
    if (memory == nullptr) {
        memory = oid_memory::make<Code>("appinfra code");
        for (int cache : {PROCOID, AUTHOID})
            CacheRegisterSyscacheCallback(cache, on_code_change, static_cast<Datum>(0));
        for (int cache : {CASTSOURCETARGET, TYPEOID, CONSTROID, OPEROID})
            CacheRegisterSyscacheCallback(cache, on_dependency_change, static_cast<Datum>(0));
    }
    if (forget_codes) {
        forget_codes = false;
        oid_memory::empty(memory);
    }
}

/*
 * A function that is gone while something still calls it may have been anybody's: in a tenant's
 * database it counts as the tenant's.
 */
static void
find_out(Oid function, Code *code)
{
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));

    *code = {};
    code->function = function;
    if (HeapTupleIsValid(tuple)) {
        const auto *form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
        bool is_native = form->prolang == INTERNALlanguageId || form->prolang == ClanguageId;

        code->owner = form->proowner;
        ReleaseSysCache(tuple);
        if (is_native)
            return;
        const TenantRole *owner = tenant_of_role(code->owner);
        code->is_tenants = owner->is_tenants;
        strlcpy(code->db_id, owner->db_id, sizeof(code->db_id));
        code->is_made = function >= FirstUnpinnedObjectId &&
                        !OidIsValid(getExtensionOfObject(ProcedureRelationId, function));
    } else if (const char *db_id = tenant_of_database()) {
        code->is_tenants = code->is_made = true;
        strlcpy(code->db_id, db_id, sizeof(code->db_id));
    }
    code->kept_generation = dependencies_generation;
    code->is_kept = code->is_tenants && is_kept_by_core(function);
}

/* Tells whether a cast, a type, a constraint or an operator depends on the function. */
static bool
is_kept_by_core(Oid function)
{
    Relation catalog = table_open(DependRelationId, AccessShareLock);
    ScanKeyData keys[2];
    bool is_kept = false;

    ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(ProcedureRelationId));
    ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(function));
    SysScanDesc scan = systable_beginscan(catalog, DependReferenceIndexId, true, nullptr, 2, keys);
    while (HeapTuple tuple = systable_getnext(scan))
        for (Oid keeper : keepers)
            is_kept |= reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple))->classid == keeper;
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    return is_kept;
}

/* A function or a role was made, dropped or changed: what is remembered may be wrong. */
static void
on_code_change(Datum, int, uint32)
{
    forget_codes = true;
}

static void
on_dependency_change(Datum, int, uint32)
{
    dependencies_generation++;
}

} // namespace appinfra::guard
