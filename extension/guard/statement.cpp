/* The table of {statement, rule}. See statement.hpp. */
#include "guard/statement.hpp"

#include "guard/aggregate.hpp"
#include "guard/denials.hpp"
#include "guard/function.hpp"
#include "guard/growth.hpp"
#include "guard/guard.hpp"
#include "guard/identity.hpp"
#include "guard/pooler.hpp"
#include "guard/session_state.hpp"
#include "guard/setting.hpp"
#include "guard/snapshot_export.hpp"
#include "shmem/sessions.hpp"

namespace appinfra::guard
{

using namespace denials;

/* Who is let through nevertheless. */
enum class Except : int { nobody, extension }; /* the script of an allowed extension */

struct StatementRule {
    NodeTag tag;
    Rule rule;
    bool (*denies)(const Node *statement) = nullptr; /* null: every such statement */
    Except except = Except::nobody;
};

static constexpr const char *role_reason = "Roles, their passwords and settings are the host's.";
static constexpr const char *database_reason = "The database itself is the host's.";
static constexpr const char *foreign_reason = "It connects the database to others.";
static constexpr const char *outsider_reason =
    "Only the tenant's own group roles may be named, neither logins nor others' roles.";
static constexpr const char *code_reason = "It needs functions written in C.";
static constexpr const char *system_reason = "Superusers rely on what came with the server.";
static constexpr const char *host_object_reason = "It changes what belongs to the host.";

static constexpr StatementRule statement_rules[] = {
    {T_CopyStmt, {"copy_program", "It runs a program on the server."}, copies_program},
    {T_CopyStmt, {"copy_file", "It reads or writes a file of the server."}, copies_file},
    {T_LoadStmt, {"load_library", "It loads a library into the server."}},
    {T_AlterSystemStmt, {"alter_system", "It changes the configuration of the host."}},
    {T_CheckPointStmt, {"checkpoint", "It makes the whole host write."}},

    {T_CreateFunctionStmt,
     {"untrusted_language", "Functions of this language can do what the server can."},
     makes_untrusted_function},
    {T_CreateFunctionStmt,
     {"function_privileged", "LEAKPROOF and SUPPORT are believed without being checked."},
     makes_privileged_function,
     Except::extension},
    {T_AlterFunctionStmt,
     {"function_privileged", "LEAKPROOF and SUPPORT are believed without being checked."},
     makes_privileged_function,
     Except::extension},
    {T_DoStmt,
     {"untrusted_language", "Code in this language can do what the server can."},
     runs_untrusted_language},
    {T_CreatePLangStmt, {"language", code_reason}},
    {T_CreateExtensionStmt,
     {"extension", "It is not in appinfra.allowed_extensions."},
     makes_other_extension},
    {T_AlterExtensionStmt,
     {"extension", "It is not in appinfra.allowed_extensions."},
     makes_other_extension},
    {T_AlterExtensionContentsStmt,
     {"extension_members", "What belongs to an extension is what its script made."},
     changes_other_extension},
    {T_CreateAmStmt, {"access_method", code_reason}},
    {T_CreateOpClassStmt, {"operator_class", code_reason}, nullptr, Except::extension},
    {T_CreateOpFamilyStmt, {"operator_class", code_reason}, nullptr, Except::extension},
    {T_AlterOpFamilyStmt, {"operator_class", code_reason}, nullptr, Except::extension},
    {T_DefineStmt, {"base_type", code_reason}, makes_base_type, Except::extension},
    {T_DefineStmt, {"aggregate", code_reason}, makes_internal_aggregate, Except::extension},
    {T_AlterTypeStmt, {"base_type", code_reason}, nullptr, Except::extension},
    {T_DefineStmt, {"text_search", code_reason}, makes_text_search_code, Except::extension},
    {T_CreateTransformStmt, {"transform", code_reason}, nullptr, Except::extension},
    {T_CreateCastStmt,
     {"cast", "It changes how types of the server are converted."},
     casts_system_types,
     Except::extension},
    {T_CreateTrigStmt,
     {"function_library", "No tenant may execute the trigger's function."},
     triggers_denied_function,
     Except::extension},

    {T_CreateFdwStmt, {"foreign_data", foreign_reason}},
    {T_AlterFdwStmt, {"foreign_data", foreign_reason}},
    {T_CreateForeignServerStmt, {"foreign_data", foreign_reason}},
    {T_AlterForeignServerStmt, {"foreign_data", foreign_reason}},
    {T_CreateForeignTableStmt, {"foreign_data", foreign_reason}},
    {T_ImportForeignSchemaStmt, {"foreign_data", foreign_reason}},
    {T_CreateUserMappingStmt, {"foreign_data", foreign_reason}},
    {T_AlterUserMappingStmt, {"foreign_data", foreign_reason}},
    {T_DropUserMappingStmt, {"foreign_data", foreign_reason}},
    {T_CreateSubscriptionStmt, {"subscription", foreign_reason}},
    {T_AlterSubscriptionStmt, {"subscription", foreign_reason}},
    {T_DropSubscriptionStmt, {"subscription", foreign_reason}},
    {T_TruncateStmt, {"foreign_data", foreign_reason}, truncates_foreign_table},
    {T_CreatePublicationStmt,
     {"publication", "It publishes more than tables of the tenant."},
     publishes_everything},
    {T_CreateEventTrigStmt, {"event_trigger", "It runs in sessions of others."}},
    {T_AlterEventTrigStmt, {"event_trigger", "It runs in sessions of others."}},

    {T_CreateRoleStmt, {"role", role_reason}},
    {T_AlterRoleStmt, {"role", role_reason}},
    {T_AlterRoleSetStmt, {"role", role_reason}},
    {T_DropRoleStmt, {"role", role_reason}},
    {T_GrantRoleStmt, {"role", role_reason}},
    {T_DropOwnedStmt, {"drop_owned", "It would take the tenant's rights along: drop schemas."}},
    {T_ReassignOwnedStmt, {"role_outside", outsider_reason}},
    {T_GrantStmt, {"host_object", host_object_reason}, grants_on_host_object},
    {T_GrantStmt, {"role_outside", outsider_reason}, grants_to_outsider},
    {T_GrantStmt,
     {"system_object", "Rights on objects of the server are the host's."},
     grants_on_system_object},
    {T_AlterTableStmt, {"system_object", system_reason}, changes_system_relation},
    {T_RuleStmt, {"system_object", system_reason}, changes_system_relation},
    {T_CreateTrigStmt, {"system_object", system_reason}, changes_system_relation},
    {T_CreatePolicyStmt, {"system_object", system_reason}, changes_system_relation},
    {T_ViewStmt, {"system_object", system_reason}, changes_system_relation},
    {T_AlterObjectSchemaStmt, {"system_object", system_reason}, changes_system_relation},
    {T_AlterDefaultPrivilegesStmt, {"role_outside", outsider_reason}, defaults_for_outsider},
    {T_CreatePolicyStmt, {"role_outside", outsider_reason}, names_outsider_in_policy},
    {T_AlterPolicyStmt, {"role_outside", outsider_reason}, names_outsider_in_policy},
    {T_AlterOwnerStmt, {"role_outside", outsider_reason}, gives_to_outsider},
    {T_AlterTableStmt, {"role_outside", outsider_reason}, gives_to_outsider},
    {T_CreateSchemaStmt, {"role_outside", outsider_reason}, gives_to_outsider},

    {T_CreatedbStmt, {"database", database_reason}},
    {T_DropdbStmt, {"database", database_reason}},
    {T_AlterDatabaseStmt, {"database", database_reason}},
    {T_AlterDatabaseSetStmt, {"database", database_reason}},
    {T_AlterDatabaseRefreshCollStmt, {"database", database_reason}},
    {T_CreateTableSpaceStmt, {"tablespace", host_object_reason}},
    {T_DropTableSpaceStmt, {"tablespace", host_object_reason}},
    {T_AlterTableSpaceOptionsStmt, {"tablespace", host_object_reason}},
    {T_AlterTableMoveAllStmt, {"tablespace", host_object_reason}},
    {T_SecLabelStmt, {"security_label", "Labels are how the host tells tenants apart."}},
    {T_RenameStmt, {"host_object", host_object_reason}, is_about_host_object},
    {T_AlterOwnerStmt, {"host_object", host_object_reason}, is_about_host_object},
    {T_DropStmt, {"host_object", host_object_reason}, is_about_host_object},
    {T_CommentStmt, {"host_object", host_object_reason}, is_about_host_object},

    {T_TransactionStmt,
     {"prepared_transaction", "It would outlive the session and its revocation."},
     prepares_transaction},
    {T_VariableShowStmt, {"setting_secret", "Only superusers may read it."}, reads_secret_setting},
    {T_LockStmt, {"catalog_lock", "It would stop the whole host."}, locks_catalog},
    {T_ClusterStmt, {"catalog_lock", "It would stop the whole host."}, locks_catalog},
    {T_VacuumStmt, {"catalog_lock", "It would stop the whole host."}, locks_catalog},
    {T_ReindexStmt, {"catalog_lock", "It would stop the whole host."}, reindexes_system},
};

static ProcessUtility_hook_type next_process_utility;

static void process_utility(PlannedStmt *statement, const char *text, bool read_only,
                            ProcessUtilityContext context, ParamListInfo parameters,
                            QueryEnvironment *environment, DestReceiver *destination,
                            QueryCompletion *completion);
static bool is_end_of_transaction(const Node *statement);
static void check_statement(Node *statement);
static const char *what_is_tried(Node *statement);

void
define_statements()
{
    next_process_utility = ProcessUtility_hook ? ProcessUtility_hook : standard_ProcessUtility;
    ProcessUtility_hook = process_utility;
}

/* In a transaction that has failed only its end arrives here, and nothing can be looked up. */
static void
process_utility(PlannedStmt *statement, const char *text, bool read_only,
                ProcessUtilityContext context, ParamListInfo parameters,
                QueryEnvironment *environment, DestReceiver *destination,
                QueryCompletion *completion)
{
    auto execute = [&] {
        next_process_utility(statement, text, read_only, context, parameters, environment,
                             destination, completion);
    };

    saw(Hook::statement);
    const bool is_made_by_tenant =
        IsA(statement->utilityStmt, DefineStmt) && is_active() && !is_in_allowed_extension();
    if (!is_end_of_transaction(statement->utilityStmt) && is_active()) {
        identity::check_statement(statement->utilityStmt, context);
        session_state::check_statement(statement->utilityStmt);
        if (pooler::is_session())
            pooler::check_statement(statement->utilityStmt);
        check_statement(statement->utilityStmt);
        growth::check_statement(statement->utilityStmt);
    }
    if (identity::is_clients_change(statement->utilityStmt, context))
        identity::as_clients_change(execute);
    else
        execute();
    check_exported_snapshots();
    if (is_made_by_tenant)
        check_aggregate_made(statement->utilityStmt);
}

/* Every TransactionStmt but PREPARE, whose transaction is alive. */
static bool
is_end_of_transaction(const Node *statement)
{
    return IsA(statement, TransactionStmt) && !prepares_transaction(statement);
}

static void
check_statement(Node *statement)
{
    for (const StatementRule &row : statement_rules) {
        if (row.tag != nodeTag(statement) || (row.denies != nullptr && !row.denies(statement)) ||
            (row.except == Except::extension && is_in_allowed_extension()))
            continue;
        refuse(row.rule, what_is_tried(statement));
    }
    if (IsA(statement, VariableSetStmt) && is_tenant_session())
        check_setting_of_superusers(reinterpret_cast<VariableSetStmt *>(statement)->name);
    if (IsA(statement, ListenStmt))
        sessions::listens();
}

/* Returns the statement's name; of COPY, which file or program as well. */
static const char *
what_is_tried(Node *statement)
{
    const char *tag = GetCommandTagName(CreateCommandTag(statement));

    if (!IsA(statement, CopyStmt))
        return tag;
    const auto *copy = reinterpret_cast<const CopyStmt *>(statement);
    return psprintf("%s %s %s %s", tag, copy->is_from ? "from" : "to",
                    copy->is_program ? "program" : "file", quote_literal_cstr(copy->filename));
}

} // namespace appinfra::guard
