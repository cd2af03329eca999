// The SQL of the use cases of credentials, publications and services (credentials.cpp,
// services.cpp), as sql.hpp.
#pragma once

#include "platform/sql.hpp"

namespace sidecar::use_cases::sql
{

// What is told of a credential, and of a publication: the rows of their views without what is the
// sidecar's own. A publication of a key is of no database but of its workspace.
#define CREDENTIAL_COLUMNS                                                                         \
    "username, access, state, target, variables, created_at, published_at, first_login_at,"        \
    " valid_until, successor, retires_at, revoked_at, reason, sessions_ended, sessions_ended_at,"  \
    " last_error"
#define PUBLICATION_COLUMNS                                                                        \
    "publication_id, kind, target, variables, status, version, attempt, delivered, error,"         \
    " created_at, ended_at, key_id"

// A list of rows p, or [].
#define ROWS_OF(rows) "coalesce((SELECT json_agg(p) FROM (" rows ") p), '[]')"

// A page of publications, the newest first: $2 is the cursor, the id of the last one that was seen,
// $3 how many it shows. The columns have publication_id; the condition says which are in the list.
#define PAGE_OF_PUBLICATIONS(columns, condition)                                                   \
    "WITH page AS MATERIALIZED (SELECT " columns " FROM appinfra.publications"                     \
    "  WHERE " condition "  AND ($2::bigint IS NULL OR publication_id < $2::bigint)"               \
    "  ORDER BY publication_id DESC LIMIT $3::int + 1),"                                           \
    " shown AS (SELECT * FROM page ORDER BY publication_id DESC LIMIT $3::int)"                    \
    " SELECT (jsonb_build_object('publications', " ROWS_OF(                                        \
        "SELECT * FROM shown") ") || CASE WHEN (SELECT count(*) FROM page) > $3::int THEN "        \
                               "jsonb_build_object('next_cursor', (SELECT min(publication_id) "    \
                               "FROM shown)) ELSE '{}' END)::text"

#define CREDENTIALS                                                                                \
    ROWS_OF("SELECT " CREDENTIAL_COLUMNS " FROM appinfra.credentials WHERE db_id = $1"             \
            " AND state <> 'gone' ORDER BY created_at, username")

inline constexpr Query check = {
    "check",
    "SELECT json_build_object('size', (SELECT u.size FROM appinfra.usage u WHERE u.db_id = $1),"
    " 'disk_limit', (SELECT u.disk_limit FROM appinfra.usage u WHERE u.db_id = $1),"
    " 'exposures', " EXPOSURES ", 'credentials', " CREDENTIALS ","
    " 'publications', " ROWS_OF("SELECT * FROM (SELECT " PUBLICATION_COLUMNS
                                " FROM appinfra.publications"
                                " WHERE (db_id = $1 OR workspace = $1)"
                                " ORDER BY publication_id DESC LIMIT 100) n ORDER "
                                "BY publication_id") ")"
                                                     "::text",
    Effect::reads};

inline constexpr Query list_credentials = {
    "list_credentials", "SELECT json_build_object('credentials', " CREDENTIALS ")::text",
    Effect::reads};

inline constexpr Query issue_credential = {
    "issue_credential",
    "SELECT " CONNECTION_DOCUMENT " FROM appinfra.issue_credential($1, $2, $3::interval) c",
    Effect::writes, true};

// Nothing when the database has no such credential.
inline constexpr Query revoke_credential = {
    "revoke_credential",
    "SELECT json_build_object('revoked', 1)::text FROM (SELECT appinfra.revoke_credential(username,"
    " $3) FROM appinfra.credentials WHERE db_id = $1 AND username = $2 AND state <> 'gone'"
    " OFFSET 0) r",
    Effect::writes};

// A cursor is the last one's publication_id.
inline constexpr Query list_publications = {
    "list_publications",
    PAGE_OF_PUBLICATIONS(PUBLICATION_COLUMNS, "(db_id = $1 OR workspace = $1)"), Effect::reads};

// The database that a publication is of, when it is the caller's.
inline constexpr Query publication_database = {
    "publication_database",
    "SELECT d.db_id FROM appinfra.publications p"
    " JOIN appinfra.databases d ON d.db_id = coalesce(p.db_id, p.workspace)"
    " WHERE p.publication_id = $1::bigint AND " REACHED("$4"),
    Effect::reads};

inline constexpr Query publication = {
    "publication",
    "SELECT row_to_json(p)::text FROM (SELECT " PUBLICATION_COLUMNS " FROM appinfra.publications"
    " WHERE publication_id = $1::bigint) p",
    Effect::reads};

inline constexpr Query retry_publication = {
    "retry_publication", "SELECT appinfra.retry_publication($1::bigint)", Effect::writes};

// What is told of a service's user.
#define SERVICE_COLUMNS                                                                            \
    "service_id, host_id, username, access, target, state, version, status, error, created_at"

inline constexpr Query list_services = {
    "list_services",
    "SELECT json_build_object('services', " ROWS_OF(
        "SELECT " SERVICE_COLUMNS
        " FROM appinfra.services WHERE db_id = $1 ORDER BY service_id, host_id") ")::text",
    Effect::reads};

inline constexpr Query service = {
    "service",
    "SELECT json_build_object('service_id', service_id, 'host_id', host_id, 'username', username,"
    " 'action', 'dropped')::text FROM appinfra.services"
    " WHERE db_id = $1 AND service_id = $2 AND host_id = $3",
    Effect::reads};

inline constexpr Query service_target = {"service_target",
                                         "SELECT target FROM appinfra.services WHERE db_id = $1"
                                         " AND service_id = $2 AND host_id = $3",
                                         Effect::reads};

inline constexpr Query create_service = {
    "create_service",
    "SELECT " CONNECTION_DOCUMENT
    " FROM appinfra.create_service_user($1, $2, $3, $4, $5::boolean) c",
    Effect::writes, true};

inline constexpr Query set_services = {
    "set_services",
    "SELECT json_build_object('services', coalesce(json_agg(s), '[]'))::text"
    " FROM appinfra.set_services($1, $2::jsonb) s",
    Effect::writes};

inline constexpr Query rotate_service = {
    "rotate_service",
    "SELECT " CONNECTION_DOCUMENT " FROM appinfra.rotate_service_user($1, $2, $3,"
    " coalesce($4::interval, '1 hour'), coalesce($5::interval, '7 days'), $6::boolean) c",
    Effect::writes, true};

inline constexpr Query drop_service = {
    "drop_service", "SELECT appinfra.drop_service_user($1, $2, $3)", Effect::writes};

// Services have a list of their own. A key's variables are told with the key that they hold, or
// will hold.
inline constexpr Query list_variables = {
    "list_variables",
    "SELECT json_build_object('variables', " ROWS_OF(
        "SELECT v AS variable, b.app_id, b.container, b.access, b.via, b.target, b.version,"
        " b.created_at, (SELECT p.key_id FROM appinfra.publications p"
        "  WHERE p.binding_id = b.binding_id AND p.key_id IS NOT NULL"
        "  ORDER BY p.publication_id DESC LIMIT 1) AS key_id"
        " FROM appinfra.bindings b, unnest(b.variables) v"
        " WHERE (b.db_id = $1 OR b.workspace = $1) AND NOT b.ended AND NOT EXISTS (SELECT FROM "
        "appinfra.services s"
        "  WHERE s.db_id = b.db_id AND s.target = b.target) ORDER BY b.target, v") ")::text",
    Effect::reads};

inline constexpr Query bind_variables = {
    "bind_variables",
    "SELECT " CONNECTION_DOCUMENT " FROM appinfra.bind_variables($1, $2::jsonb, $3::boolean, $4) c",
    Effect::writes, true};

inline constexpr Query bind_app = {"bind_app",
                                   "SELECT " CONNECTION_DOCUMENT
                                   " FROM appinfra.bind_app($1, $2, $3::jsonb, $4::boolean, $5) c",
                                   Effect::writes, true};

inline constexpr Query unbind_variables = {
    "unbind_variables",
    "SELECT json_build_object('unbound', v.variables)::text"
    " FROM (SELECT string_to_array($2, ',') AS variables OFFSET 0) v,"
    " LATERAL appinfra.unbind_variables($1, v.variables, $3, $4)",
    Effect::writes};

inline constexpr Query alter = {"alter",
                                "SELECT appinfra.alter_tenant($1, $2::int, $3::interval,"
                                " $4::interval, $5::bigint, $6::interval)",
                                Effect::writes};

} // namespace sidecar::use_cases::sql
