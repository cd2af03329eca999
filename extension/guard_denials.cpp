/* What in a statement breaks a rule, roles apart (guard_roles.cpp). See guard_denials.hpp. */
#include "guard_denials.hpp"

#include "guard_function.hpp"
#include "guard_setting.hpp"
#include "settings.hpp"
#include "source_rules.hpp"

namespace appinfra::guard::denials
{

template <typename Statement>
static const Statement *
as(const Node *statement)
{
    return reinterpret_cast<const Statement *>(statement);
}

static const DefElem *option(const List *options, const char *name);
static bool is_untrusted(const DefElem *language);
static bool is_allowed_code(const CreateFunctionStmt *statement, const char *language);
static bool is_host_object(ObjectType type);
static bool is_system_relation(const RangeVar *name);
static bool is_system_routine(ObjectType type, const ObjectWithArgs *name);
static bool is_shared(const RangeVar *name);

bool
copies_program(const Node *statement)
{
    return as<CopyStmt>(statement)->is_program;
}

bool
copies_file(const Node *statement)
{
    return as<CopyStmt>(statement)->filename != nullptr;
}

/* The script of an allowed extension may make C functions of its own module, and aliases. */
bool
makes_untrusted_function(const Node *statement)
{
    const auto *function = as<CreateFunctionStmt>(statement);
    const DefElem *language = option(function->options, "language");

    return language != nullptr && is_untrusted(language) &&
           !(is_in_allowed_extension() &&
             is_allowed_code(function, defGetString(const_cast<DefElem *>(language))));
}

bool
runs_untrusted_language(const Node *statement)
{
    const DefElem *language = option(as<DoStmt>(statement)->args, "language");

    return language != nullptr && is_untrusted(language);
}

/* One that exists already is nothing new: dumps say IF NOT EXISTS plpgsql. */
bool
makes_other_extension(const Node *statement)
{
    if (IsA(statement, AlterExtensionStmt))
        return !settings::is_allowed_extension(as<AlterExtensionStmt>(statement)->extname);
    const auto *create = as<CreateExtensionStmt>(statement);
    return !settings::is_allowed_extension(create->extname) &&
           !(create->if_not_exists && OidIsValid(get_extension_oid(create->extname, true)));
}

/* CREATE EXTENSION … SCHEMA pg_catalog: its operators would be found before the server's own. */
bool
extends_system_schema(const Node *statement)
{
    const DefElem *schema = option(as<CreateExtensionStmt>(statement)->options, "schema");

    return schema != nullptr &&
           strncmp(defGetString(const_cast<DefElem *>(schema)), "pg_", 3) == 0 &&
           !OidIsValid(get_extension_oid(as<CreateExtensionStmt>(statement)->extname, true));
}

bool
makes_base_type(const Node *statement)
{
    return as<DefineStmt>(statement)->kind == OBJECT_TYPE;
}

bool
makes_text_search_code(const Node *statement)
{
    ObjectType kind = as<DefineStmt>(statement)->kind;

    return kind == OBJECT_TSPARSER || kind == OBJECT_TSTEMPLATE;
}

/* A cast of a tenant's own type is ordinary, unless it takes the bytes of one for the other. */
bool
casts_system_types(const Node *statement)
{
    const auto *cast = as<CreateCastStmt>(statement);
    Oid source = LookupTypeNameOid(nullptr, cast->sourcetype, true);
    Oid target = LookupTypeNameOid(nullptr, cast->targettype, true);

    return (cast->func == nullptr && !cast->inout) ||
           (OidIsValid(source) && source < FirstNormalObjectId && OidIsValid(target) &&
            target < FirstNormalObjectId);
}

bool
publishes_everything(const Node *statement)
{
    return as<CreatePublicationStmt>(statement)->for_all_tables;
}

bool
prepares_transaction(const Node *statement)
{
    TransactionStmtKind kind = as<TransactionStmt>(statement)->kind;

    return kind == TRANS_STMT_PREPARE || kind == TRANS_STMT_COMMIT_PREPARED ||
           kind == TRANS_STMT_ROLLBACK_PREPARED;
}

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
        return is_host_object(as<DropStmt>(statement)->removeType);
    default:
        return is_host_object(as<CommentStmt>(statement)->objtype);
    }
}

bool
grants_on_host_object(const Node *statement)
{
    return is_host_object(as<GrantStmt>(statement)->objtype);
}

/* GRANT or REVOKE on what came with the server: it would undo the first layer of hardening. */
bool
grants_on_system_object(const Node *statement)
{
    const auto *grant = as<GrantStmt>(statement);
    ListCell *cell;

    foreach (cell, grant->objects) {
        const auto *object = static_cast<const Node *>(lfirst(cell));

        if (grant->targtype == ACL_TARGET_ALL_IN_SCHEMA) {
            if (IsA(object, String) && strncmp(strVal(object), "pg_", 3) == 0)
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

bool
reads_secret_setting(const Node *statement)
{
    return is_secret_setting(as<VariableShowStmt>(statement)->name);
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

/* Trigger functions are called without the check that other calls pass. */
bool
triggers_denied_function(const Node *statement)
{
    Oid function = LookupFuncName(as<CreateTrigStmt>(statement)->funcname, 0, nullptr, true);

    return OidIsValid(function) && is_denied_function(function);
}

static const DefElem *
option(const List *options, const char *name)
{
    ListCell *cell;

    foreach (cell, options) {
        const auto *found = static_cast<const DefElem *>(lfirst(cell));

        if (strcmp(found->defname, name) == 0)
            return found;
    }
    return nullptr;
}

static bool
is_untrusted(const DefElem *language)
{
    Oid oid = get_language_oid(defGetString(const_cast<DefElem *>(language)), true);

    return OidIsValid(oid) && is_untrusted_language(oid);
}

/* C of the extension's own library; internal where the source is not denied (citext needs it). */
static bool
is_allowed_code(const CreateFunctionStmt *statement, const char *language)
{
    const DefElem *as_clause = option(statement->options, "as");

    if (as_clause == nullptr || !IsA(as_clause->arg, List) ||
        list_length(castNode(List, as_clause->arg)) == 0)
        return true; /* core refuses it */
    const char *first = strVal(linitial(castNode(List, as_clause->arg)));
    Oid oid = get_language_oid(language, true);
    return (oid == INTERNALlanguageId && rule_of_source(first) == nullptr) ||
           (oid == ClanguageId && is_own_module(first));
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
    return OidIsValid(routine) && routine < FirstNormalObjectId;
}

static bool
is_shared(const RangeVar *name)
{
    return name != nullptr && IsSharedRelation(RangeVarGetRelid(name, NoLock, true));
}

} // namespace appinfra::guard::denials
