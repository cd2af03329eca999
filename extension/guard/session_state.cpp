/* Keeps a session as its client made it. See session_state.hpp. */
#include "guard/session_state.hpp"

#include "guard/session_cursors.hpp"
#include "guard/session_settings.hpp"

namespace appinfra::guard::session_state
{

static constexpr Rule rule = {
    "session_state",
    "A function leaves nothing that another's session would use later on by its name."};

static bool changes_state(const Node *statement);
static bool stands_before_another(Relation catalog, HeapTuple row, Oid class_id);
static bool is_taken(Relation catalog, Oid class_id, NameData name);

void
enter(Oid function)
{
    session_settings::enter(function);
    session_cursors::enter();
}

void
leave(bool failed)
{
    session_cursors::leave();
    if (failed)
        return; /* the settings go with the transaction that has failed */
    if (session_settings::leave())
        refuse_always(rule, nullptr, "settings that a function changes",
                      "Let a SET clause of the function change them, or log in as the tenant.");
    if (const char *name = session_cursors::left_open())
        refuse_always(rule, nullptr, psprintf("cursor \"%s\" of a function", name),
                      "Let a function fetch from it, or log in as the tenant.");
}

void
check_statement(const Node *statement)
{
    if (is_running_made_code() && changes_state(statement))
        refuse_always(rule, nullptr,
                      GetCommandTagName(CreateCommandTag(const_cast<Node *>(statement))),
                      "Send it as a statement of its own, or log in as the tenant.");
}

/* A cursor WITH HOLD would be run at the end of the transaction, in the client's name. */
static bool
changes_state(const Node *statement)
{
    switch (nodeTag(statement)) {
    case T_PrepareStmt:
    case T_DeallocateStmt:
    case T_DiscardStmt:
    case T_ListenStmt:
    case T_UnlistenStmt:
        return true;
    case T_DeclareCursorStmt:
        return (reinterpret_cast<const DeclareCursorStmt *>(statement)->options &
                CURSOR_OPT_HOLD) != 0;
    default:
        return false;
    }
}

/* The row is not visible to the command's snapshot yet. */
void
check_name(Oid class_id, Oid object_id)
{
    ScanKeyData key;

    if (!is_running_made_code() || (class_id != RelationRelationId && class_id != TypeRelationId))
        return;
    Relation catalog = table_open(class_id, AccessShareLock);
    ScanKeyInit(&key, get_object_attnum_oid(class_id), BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(object_id));
    SysScanDesc scan =
        systable_beginscan(catalog, get_object_oid_index(class_id), true, SnapshotSelf, 1, &key);
    HeapTuple row = systable_getnext(scan);
    bool refused = HeapTupleIsValid(row) && stands_before_another(catalog, row, class_id);
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    if (refused)
        refuse_always(rule, nullptr, "a temporary relation or type with the name of another",
                      "Give it a name that nothing else has, or log in as the tenant.");
}

/* A large object that the client has open has a number that can be guessed, and no owner. */
void
check_call(Oid function)
{
    constexpr Oid closed[] = {F_PG_CURSOR,    F_PG_PREPARED_STATEMENT,
                              F_LOREAD,       F_LOWRITE,
                              F_LO_LSEEK,     F_LO_LSEEK64,
                              F_LO_TELL,      F_LO_TELL64,
                              F_LO_CLOSE,     F_LO_TRUNCATE,
                              F_LO_TRUNCATE64};

    if (!is_running_made_code())
        return;
    for (Oid one : closed)
        if (function == one)
            refuse_always(rule, nullptr, psprintf("function %s", get_func_name(function)),
                          "Log in as the tenant.");
}

/* Nobody means an index by its name. */
static bool
stands_before_another(Relation catalog, HeapTuple row, Oid class_id)
{
    if (class_id == TypeRelationId) {
        const auto *form = reinterpret_cast<Form_pg_type>(GETSTRUCT(row));

        return isTempNamespace(form->typnamespace) && is_taken(catalog, class_id, form->typname);
    }
    const auto *form = reinterpret_cast<Form_pg_class>(GETSTRUCT(row));
    return isTempNamespace(form->relnamespace) && form->relkind != RELKIND_INDEX &&
           form->relkind != RELKIND_PARTITIONED_INDEX && is_taken(catalog, class_id, form->relname);
}

/* Tells whether a schema has something of that name that no session made for itself. */
static bool
is_taken(Relation catalog, Oid class_id, NameData name)
{
    bool is_type = class_id == TypeRelationId;
    bool taken = false;
    ScanKeyData key;

    ScanKeyInit(&key, is_type ? Anum_pg_type_typname : Anum_pg_class_relname, BTEqualStrategyNumber,
                F_NAMEEQ, NameGetDatum(&name));
    SysScanDesc scan = systable_beginscan(
        catalog, is_type ? TypeNameNspIndexId : ClassNameNspIndexId, true, nullptr, 1, &key);
    while (HeapTuple row = systable_getnext(scan)) {
        Oid schema = is_type ? reinterpret_cast<Form_pg_type>(GETSTRUCT(row))->typnamespace
                             : reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relnamespace;
        taken |= !isAnyTempNamespace(schema);
    }
    systable_endscan(scan);
    return taken;
}

} // namespace appinfra::guard::session_state
