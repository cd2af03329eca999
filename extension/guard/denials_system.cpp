/*
 * Denials about what is the host's, or came with the server. See denials.hpp.
 *
 * The host's: roles, databases, tablespaces and what else is no object of one database. The
 * server's: catalogs, their schemas and functions, on which superusers and the hardening rely.
 */
#include "guard/denials.hpp"

namespace appinfra::guard::denials
{

template <typename Statement>
static const Statement *
as(const Node *statement)
{
    return reinterpret_cast<const Statement *>(statement);
}

static bool is_host_object(ObjectType type);
static bool drops_no_event_trigger(const DropStmt *drop);
static bool is_system_schema(const char *name);
static bool is_system_relation(const RangeVar *name);
static bool is_system_routine(ObjectType type, const ObjectWithArgs *name);
static bool is_shared(const RangeVar *name);

/* RENAME, OWNER TO, DROP, COMMENT: of something that is not in this database, or reaches out. */
bool
is_about_host_object(const Node *statement)
{
    switch (nodeTag(statement)) {
    case T_RenameStmt:
        return is_host_object(as<RenameStmt>(statement)->renameType);
    case T_AlterOwnerStmt:
        return is_host_object(as<AlterOwnerStmt>(statement)->objectType);
    case T_DropStmt:
        return is_host_object(as<DropStmt>(statement)->removeType) &&
               !drops_no_event_trigger(as<DropStmt>(statement));
    default:
        return is_host_object(as<CommentStmt>(statement)->objtype);
    }
}

bool
grants_on_host_object(const Node *statement)
{
    return is_host_object(as<GrantStmt>(statement)->objtype);
}

/* GRANT or REVOKE on what came with the server, or stands beside it by hardening: it would undo the
 * first layer of hardening. */
bool
grants_on_system_object(const Node *statement)
{
    const auto *grant = as<GrantStmt>(statement);
    ListCell *cell;

    foreach (cell, grant->objects) {
        const auto *object = static_cast<const Node *>(lfirst(cell));

        if (grant->targtype == ACL_TARGET_ALL_IN_SCHEMA || grant->objtype == OBJECT_SCHEMA) {
            if (IsA(object, String) && is_system_schema(strVal(object)))
                return true;
        } else if (IsA(object, RangeVar)) {
            if (is_system_relation(as<RangeVar>(object)))
                return true;
        } else if (IsA(object, ObjectWithArgs)) {
            if (is_system_routine(grant->objtype, as<ObjectWithArgs>(object)))
                return true;
        }
    }
    return false;
}

/* Rules, triggers and policies on the server's own views, new views under their names, and moving
 * things among them: core protects the tables only. */
bool
changes_system_relation(const Node *statement)
{
    switch (nodeTag(statement)) {
    case T_AlterTableStmt:
        return is_system_relation(as<AlterTableStmt>(statement)->relation);
    case T_RuleStmt:
        return is_system_relation(as<RuleStmt>(statement)->relation);
    case T_CreateTrigStmt:
        return is_system_relation(as<CreateTrigStmt>(statement)->relation);
    case T_CreatePolicyStmt:
        return is_system_relation(as<CreatePolicyStmt>(statement)->table);
    case T_ViewStmt:
        return is_system_relation(as<ViewStmt>(statement)->view);
    default:
        return is_system_schema(as<AlterObjectSchemaStmt>(statement)->newschema);
    }
}

bool
locks_catalog(const Node *statement)
{
    ListCell *cell;

    if (IsA(statement, ClusterStmt))
        return is_system_relation(as<ClusterStmt>(statement)->relation);
    if (IsA(statement, LockStmt)) {
        /* locking a view locks what it shows */
        foreach (cell, as<LockStmt>(statement)->relations)
            if (is_system_relation(static_cast<const RangeVar *>(lfirst(cell))))
                return true;
        return false;
    }
    /* of this database's own catalogs core skips what is not the tenant's */
    foreach (cell, as<VacuumStmt>(statement)->rels)
        if (is_shared(static_cast<const VacuumRelation *>(lfirst(cell))->relation))
            return true;
    return false;
}

bool
reindexes_system(const Node *statement)
{
    const auto *reindex = as<ReindexStmt>(statement);

    return reindex->kind == REINDEX_OBJECT_SYSTEM || reindex->kind == REINDEX_OBJECT_DATABASE ||
           is_system_relation(reindex->relation);
}

static bool
is_host_object(ObjectType type)
{
    switch (type) {
    case OBJECT_ACCESS_METHOD:
    case OBJECT_DATABASE:
    case OBJECT_EVENT_TRIGGER:
    case OBJECT_FDW:
    case OBJECT_FOREIGN_SERVER:
    case OBJECT_LANGUAGE:
    case OBJECT_PARAMETER_ACL:
    case OBJECT_ROLE:
    case OBJECT_SUBSCRIPTION:
    case OBJECT_TABLESPACE:
    case OBJECT_TSPARSER:
    case OBJECT_TSTEMPLATE:
        return true;
    default:
        return false;
    }
}

/* DROP EVENT TRIGGER IF EXISTS where there is none: dumps begin with it, and core only notices. */
static bool
drops_no_event_trigger(const DropStmt *drop)
{
    ListCell *cell;

    if (drop->removeType != OBJECT_EVENT_TRIGGER || !drop->missing_ok)
        return false;
    foreach (cell, drop->objects)
        if (OidIsValid(get_event_trigger_oid(strVal(lfirst(cell)), true)))
            return false;
    return true;
}

static bool
is_system_schema(const char *name)
{
    return strncmp(name, "pg_", 3) == 0 || strcmp(name, "information_schema") == 0;
}

static bool
is_system_relation(const RangeVar *name)
{
    Oid relation = name != nullptr ? RangeVarGetRelid(name, NoLock, true) : InvalidOid;

    return OidIsValid(relation) && relation < FirstNormalObjectId;
}

static bool
is_system_routine(ObjectType type, const ObjectWithArgs *name)
{
    if (type != OBJECT_FUNCTION && type != OBJECT_PROCEDURE && type != OBJECT_ROUTINE)
        return false;
    Oid routine = LookupFuncWithArgs(type, const_cast<ObjectWithArgs *>(name), true);
    return OidIsValid(routine) &&
           (routine < FirstNormalObjectId || IsCatalogNamespace(get_func_namespace(routine)));
}

static bool
is_shared(const RangeVar *name)
{
    return name != nullptr && IsSharedRelation(RangeVarGetRelid(name, NoLock, true));
}

} // namespace appinfra::guard::denials
