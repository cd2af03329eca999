/* What in a statement breaks a rule; denials_roles.cpp and denials_system.cpp have the rest. See
 * denials.hpp. */
#include "guard/denials.hpp"

#include "base/settings.hpp"
#include "guard/function.hpp"
#include "guard/setting.hpp"
#include "guard/source_rules.hpp"

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

/* CREATE or ALTER FUNCTION with what only superusers may say of a function. */
bool
makes_privileged_function(const Node *statement)
{
    const List *options = IsA(statement, CreateFunctionStmt)
                              ? as<CreateFunctionStmt>(statement)->options
                              : as<AlterFunctionStmt>(statement)->actions;
    const DefElem *leakproof = option(options, "leakproof");

    return option(options, "support") != nullptr ||
           (leakproof != nullptr && defGetBoolean(const_cast<DefElem *>(leakproof)));
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

/* The script that brings an extension up to date may let go of what belongs to it (cube). */
bool
changes_other_extension(const Node *statement)
{
    const auto *change = as<AlterExtensionContentsStmt>(statement);
    const char *extension = extension_at_work();

    return extension == nullptr || change->action > 0 || strcmp(extension, change->extname) != 0;
}

bool
makes_base_type(const Node *statement)
{
    return as<DefineStmt>(statement)->kind == OBJECT_TYPE;
}

/* Its functions would be handed each other's states, whatever these are. */
bool
makes_internal_aggregate(const Node *statement)
{
    const auto *define = as<DefineStmt>(statement);

    if (define->kind != OBJECT_AGGREGATE)
        return false;
    for (const char *name : {"stype", "stype1", "mstype"})
        if (const DefElem *type = option(define->definition, name))
            if (LookupTypeNameOid(nullptr, defGetTypeName(const_cast<DefElem *>(type)), true) ==
                INTERNALOID)
                return true;
    return false;
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

/* TRUNCATE goes to the foreign server, and no executor's check sees it. */
bool
truncates_foreign_table(const Node *statement)
{
    ListCell *cell;

    foreach (cell, as<TruncateStmt>(statement)->relations) {
        Oid relation = RangeVarGetRelid(static_cast<const RangeVar *>(lfirst(cell)), NoLock, true);

        if (OidIsValid(relation) && get_rel_relkind(relation) == RELKIND_FOREIGN_TABLE)
            return true;
    }
    return false;
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

bool
reads_secret_setting(const Node *statement)
{
    return is_secret_setting(as<VariableShowStmt>(statement)->name);
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

} // namespace appinfra::guard::denials
