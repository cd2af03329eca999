/*
 * Credentials: logins, from their creation to the moment their password is handed over.
 *
 * A credential is one LOGIN role in one group, NOINHERIT, with `SET role` to that group and a
 * direct CONNECT on its own database. Once anyone may have received its password it never changes:
 * another hand-over needs another login.
 */
#pragma once

#include "base/ddl.hpp"
#include "base/refusal.hpp"
#include "base/secrets.hpp"

namespace appinfra::credential
{

/* What a credential is made for. The tenant's row is locked by the caller. */
struct Purpose {
    const char *db_id;
    const char *database;
    const char *access;
    int64 binding_id;       /* 0: none */
    const char *service_id; /* null pointers: a login named after the database */
    const char *host_id;
};

struct Credential {
    int64 id;
    const char *username;
};

/* Refuses a word that is no access. */
const Refusal *check_access(const char *word, const char *of);

/* Makes a login and its registry row: with a password active, without one waiting for its first. */
Credential create(const Purpose &purpose, const secrets::Password *password);

/* Gives a waiting credential its password: from now on it is active. */
void hand_over(const Credential &credential, const secrets::Password &password);

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

/* Writes what the sessions of a login start with, in place of what was there. */
void set_login_settings(const char *username, const char *database, const char *access,
                        std::span<const ddl::Setting> more = {});

/* Takes the password of a credential away again, that surely nobody received: it waits once more.
 */
void take_back(int64 credential_id);

/*
 * Whether the credential c is newer than all of its binding that somebody may have: only such a one
 * can succeed them, because what retires is older than what replaces it.
 */
#define NEWEST_OF_BINDING                                                                          \
    "NOT EXISTS (SELECT FROM appinfra.credential n WHERE n.binding_id = c.binding_id"              \
    "   AND n.credential_id > c.credential_id AND n.state IN ('active', 'retiring'))"

/*
 * Starts the retirement of the binding's credentials that are older than this one, also of those
 * that still wait: it has been published, or handed to the caller.
 */
void replace_older(int64 binding_id, int64 credential_id, const Interval *grace,
                   const Interval *deadline);

} // namespace appinfra::credential
