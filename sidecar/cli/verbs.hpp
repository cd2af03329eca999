// What each command does, by room: one function a command. Each returns the exit code, and throws a
// Refusal when the server does.
#pragma once

#include "cli/session.hpp"

namespace sidecar::cli::verbs
{

// databases.cpp
int create_database(const Session &session);
int list_databases(const Session &session);
int show_database(const Session &session);
int limit_database(const Session &session);

// database_ends.cpp
int revoke_database(const Session &session);
int restore_database(const Session &session);
int delete_database(const Session &session);

// variables.cpp
int rotate_variable(const Session &session);
int bind_variables(const Session &session);
int unbind_variables(const Session &session);

// url.cpp, psql.cpp
int print_url(const Session &session);
int run_psql(const Session &session);

// credentials.cpp
int list_credentials(const Session &session);
int issue_credential(const Session &session);
int revoke_credential(const Session &session);

// services.cpp
int list_services(const Session &session);
int set_services(const Session &session);
int rotate_service(const Session &session);

// host.cpp
int list_publications(const Session &session);
int retry_publication(const Session &session);
int show_pool(const Session &session);
int show_exposures(const Session &session);
int show_audit(const Session &session);
int show_status(const Session &session);

// insight.cpp
int show_usage(const Session &session);
int list_sessions(const Session &session);
int kill_session(const Session &session);
int list_statements(const Session &session);

// apps.cpp
int list_apps(const Session &session);
int show_app(const Session &session);
int register_app(const Session &session);
int unregister_app(const Session &session);
int transfer_app(const Session &session);

// buckets.cpp
int create_bucket(const Session &session);
int list_buckets(const Session &session);
int show_bucket(const Session &session);
int rotate_bucket(const Session &session);
int revoke_bucket(const Session &session);
int restore_bucket(const Session &session);
int delete_bucket(const Session &session);
int limit_bucket(const Session &session);

// keys.cpp
int mint_key(const Session &session);
int list_keys(const Session &session);
int revoke_key(const Session &session);

} // namespace sidecar::cli::verbs
