/*
 * Login settings: what the sessions of a tenant's login start with.
 */
#pragma once

#include "base/ddl.hpp"

namespace appinfra::login_settings
{

/* What we set for a login, and what nobody is to set: it would make a session somebody else's. */
#define OWN_SETTINGS                                                                               \
    "ARRAY['role', 'statement_timeout', 'idle_in_transaction_session_timeout', 'temp_file_limit'," \
    " 'max_parallel_workers', 'max_parallel_workers_per_gather', 'default_transaction_read_only']"
#define HIJACKING_SETTINGS                                                                         \
    "ARRAY['role', 'session_authorization', 'search_path', 'session_preload_libraries',"           \
    " 'local_preload_libraries', 'dynamic_library_path', 'session_replication_role',"              \
    " 'row_security', 'default_tablespace', 'temp_tablespaces', 'default_table_access_method',"    \
    " 'event_triggers', 'post_auth_delay', 'pre_auth_delay', 'allow_system_table_mods',"           \
    " 'default_transaction_read_only', 'lo_compat_privileges', 'check_function_bodies',"           \
    " 'plpgsql.variable_conflict', 'log_statement', 'log_min_messages', 'jit_provider',"           \
    " 'restrict_nonsystem_relation_kind', 'createrole_self_grant', 'extension_control_path']"

/* A login of a tenant, all that is called by its present name. */
struct Login {
    const char *username;
    const char *access;
    const char *group; /* of that access */
    const char *db_id;
    const char *database;
};

/*
 * Writes what the sessions of a login start with, in place of what was there; and what the tenant
 * has set by tenant_set(). That stands in the row of the owner's group and the tenant's database:
 * nobody logs in as the group, so there it only waits to be copied.
 */
void write(const Login &login, std::span<const ddl::Setting> more = {});

/* The lock by which tenant_set() and the making of a login wait for each other; never for long. */
void set_tag(LOCKTAG *tag, Oid database);

} // namespace appinfra::login_settings
