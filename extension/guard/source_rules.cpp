/* The functions that no tenant may execute. See source_rules.hpp. */
#include "guard/source_rules.hpp"

#include "guard/pooler.hpp"

namespace appinfra::guard
{

/* Majors 15 to 18. What a major renamed stands here under both names. */

static constexpr const char *file_sources[] = {
    "pg_read_file",
    "pg_read_file_v2",
    "pg_read_file_off_len",
    "pg_read_file_off_len_missing",
    "pg_read_file_all",
    "pg_read_file_all_missing",
    "pg_read_binary_file",
    "pg_read_binary_file_off_len",
    "pg_read_binary_file_off_len_missing",
    "pg_read_binary_file_all",
    "pg_read_binary_file_all_missing",
    "pg_stat_file",
    "pg_stat_file_1arg",
    "pg_ls_dir",
    "pg_ls_dir_1arg",
    "pg_ls_logdir",
    "pg_ls_waldir",
    "pg_ls_archive_statusdir",
    "pg_ls_summariesdir",
    "pg_ls_tmpdir_noargs",
    "pg_ls_tmpdir_1arg",
    "pg_ls_logicalsnapdir",
    "pg_ls_logicalmapdir",
    "pg_ls_replslotdir",
    "pg_current_logfile",
    "pg_current_logfile_1arg",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "show_all_file_settings",
    "be_lo_import",
    "be_lo_import_with_oid",
    "be_lo_export",
    "pg_file_write",
    "pg_file_write_v1_1",
    "pg_file_sync",
    "pg_file_rename",
    "pg_file_rename_v1_1",
    "pg_file_unlink",
    "pg_file_unlink_v1_1",
    "pg_logdir_ls",
    "pg_logdir_ls_v1_1",
};

static constexpr const char *replication_sources[] = {
    "pg_create_physical_replication_slot",
    "pg_create_logical_replication_slot",
    "pg_copy_physical_replication_slot_a",
    "pg_copy_physical_replication_slot_b",
    "pg_copy_logical_replication_slot_a",
    "pg_copy_logical_replication_slot_b",
    "pg_copy_logical_replication_slot_c",
    "pg_drop_replication_slot",
    "pg_replication_slot_advance",
    "pg_sync_replication_slots",
    "pg_logical_slot_get_changes",
    "pg_logical_slot_peek_changes",
    "pg_logical_slot_get_binary_changes",
    "pg_logical_slot_peek_binary_changes",
    "pg_logical_emit_message_text",
    "pg_logical_emit_message_bytea",
    "pg_replication_origin_create",
    "pg_replication_origin_drop",
    "pg_replication_origin_oid",
    "pg_replication_origin_advance",
    "pg_replication_origin_progress",
    "pg_replication_origin_session_setup",
    "pg_replication_origin_session_reset",
    "pg_replication_origin_session_is_setup",
    "pg_replication_origin_session_progress",
    "pg_replication_origin_xact_setup",
    "pg_replication_origin_xact_reset",
    "pg_show_replication_origin_status",
    "pg_stat_get_wal_receiver",
};

static constexpr const char *wal_sources[] = {
    "pg_backup_start",
    "pg_backup_stop",
    "pg_create_restore_point",
    "pg_switch_wal",
    "pg_promote",
    "pg_wal_replay_pause",
    "pg_wal_replay_resume",
    "pg_is_wal_replay_paused",
    "pg_log_standby_snapshot",
    "pg_available_wal_summaries",
    "pg_wal_summary_contents",
    "pg_get_wal_summarizer_state",
    "pg_control_system",
    "pg_control_checkpoint",
    "pg_control_recovery",
    "pg_control_init",
    "pg_get_wal_replay_pause_state",
};

static constexpr const char *server_sources[] = {
    "pg_reload_conf",
    "pg_rotate_logfile",
    "pg_rotate_logfile_v2",
    "pg_import_system_collations",
    "pg_nextoid",
    "pg_stop_making_pinned_objects",
    "pg_config",
    "pg_get_shmem_allocations",
    "pg_get_shmem_allocations_numa",
    "pg_get_backend_memory_contexts",
    "pg_log_backend_memory_contexts",
    "pg_get_aios",
    "pg_stat_have_stats",
    "pg_stat_reset",
    "pg_stat_reset_shared",
    "pg_stat_reset_slru",
    "pg_stat_reset_single_table_counters",
    "pg_stat_reset_single_function_counters",
    "pg_stat_reset_replication_slot",
    "pg_stat_reset_subscription_stats",
    "pg_stat_reset_backend_stats",
    /* of the extension, whose rows are every tenant's; tenant_statements() shows this one's */
    "pg_stat_statements",
    "pg_stat_statements_1_2",
    "pg_stat_statements_1_3",
    "pg_stat_statements_1_8",
    "pg_stat_statements_1_9",
    "pg_stat_statements_1_10",
    "pg_stat_statements_1_11",
    "pg_stat_statements_1_12",
    "pg_stat_statements_info",
    "pg_stat_statements_reset",
    "pg_stat_statements_reset_1_7",
    "pg_stat_statements_reset_1_11",
};

static constexpr const char *session_sources[] = {
    "pg_cancel_backend",
    "pg_terminate_backend",
};

static constexpr const char *pooler_sources[] = {
    POOLER_FUNCTION,
};

static constexpr const char *sources_that_show_activity[] = {
    "pg_stat_get_activity",
    "pg_stat_get_backend_activity",
};

/* The server's own, and those of extensions that tenants may have (tablefunc, xml2). */
static constexpr const char *sources_that_run_text[] = {
    "query_to_xml",
    "query_to_xmlschema",
    "query_to_xml_and_xmlschema",
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "table_to_xml",
    "table_to_xmlschema",
    "table_to_xml_and_xmlschema",
    "schema_to_xml",
    "schema_to_xmlschema",
    "schema_to_xml_and_xmlschema",
    "database_to_xml",
    "database_to_xmlschema",
    "database_to_xml_and_xmlschema",
    "ts_stat1",
    "ts_stat2",
    "tsquery_rewrite_query",
    "crosstab",
    "crosstab_hash",
    "connectby_text",
    "connectby_text_serial",
    "xpath_table",
};

static_assert(lengthof(sources_that_run_text) + lengthof(sources_that_show_activity) <
              stored_sources_limit);

static constexpr SourceRule rules[] = {
    {"function_file", "It reads, writes or lists files of the server.", file_sources},
    {"function_replication", "It belongs to replication, which crosses databases.",
     replication_sources},
    {"function_wal", "It controls or shows the server's log of changes.", wal_sources},
    {"function_server", "It controls the server or shows its inside.", server_sources},
    {"function_session",
     "It signals sessions of any tenant; tenant_cancel_session() and tenant_terminate_session() "
     "reach those of this database.",
     session_sources},
    {"function_pooler", "It gives a pooler the verifiers of logins.", pooler_sources},
};

std::span<const SourceRule>
source_rules()
{
    return rules;
}

static bool
contains(std::span<const char *const> sources, const char *source)
{
    for (const char *one : sources)
        if (strcmp(one, source) == 0)
            return true;
    return false;
}

const SourceRule *
rule_of_source(const char *source)
{
    for (const SourceRule &rule : rules)
        if (contains(rule.sources, source))
            return &rule;
    return nullptr;
}

std::span<const char *const>
activity_sources()
{
    return sources_that_show_activity;
}

bool
is_activity_source(const char *source)
{
    return contains(sources_that_show_activity, source);
}

std::span<const char *const>
text_sources()
{
    return sources_that_run_text;
}

bool
is_text_source(const char *source)
{
    return contains(sources_that_run_text, source);
}

} // namespace appinfra::guard
