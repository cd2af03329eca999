// The SQL of the use cases (use_cases.cpp). Each gives one JSON document as text.
// Ownership is part of the WHERE clause: $2 says whether the caller sees everything, $3 who asks,
// and one more parameter which apps the token names, as a JSON list.
#pragma once

#include "platform/database.hpp"

namespace sidecar::use_cases::sql
{

// What is told of a database d.
#define DATABASE_DOCUMENT                                                                          \
    "json_build_object('db_id', d.db_id, 'app_id', d.app_id, 'owner_user_id', d.owner_user_id,"    \
    " 'slug', d.slug, 'engine', d.engine, 'shape', d.shape, 'shared_host', d.shared_host,"         \
    " 'database', d.database, 'username', d.username, 'host', d.host, 'port', d.port,"             \
    " 'status', d.status, 'notes', d.notes, 'env_keys', d.env_keys,"                               \
    " 'created_at', to_char(d.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"   \
    " 'expires_at', to_char(d.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))"

// A connection c, without what a publication carries; all the variables where there are several.
#define CONNECTION_DOCUMENT                                                                        \
    "json_strip_nulls(json_build_object('db_id', c.db_id, 'status', c.status,"                     \
    " 'connection', json_build_object('host', c.host, 'port', c.port, 'database', c.database,"     \
    "  'username', c.username, 'password', c.password, 'url', c.url),"                             \
    " 'env_keys', (SELECT json_agg(k ORDER BY k) FROM jsonb_object_keys(c.env) k),"                \
    " 'env', CASE WHEN jsonb_path_exists(c.env, '$.* ? (@ != null)')"                              \
    "   AND (SELECT count(*) > 1 FROM jsonb_object_keys(c.env)) THEN c.env END))::text"

inline constexpr Query provision = {
    "provision",
    "SELECT " CONNECTION_DOCUMENT
    " FROM appinfra.provision_tenant($1, $2, $3, $4, $5::jsonb, $6::boolean, $7,"
    " $8::interval) c",
    Effect::writes, true};

// Whether the tenant was made by this transaction.
inline constexpr Query is_new = {
    "is_new", "SELECT created_at = now() FROM appinfra.databases WHERE db_id = $1", Effect::reads};

// Whether the caller reaches database d: its app is the caller's, or the token names it. An app
// that the registry has no row of is that of the owner of its databases.
#define REACHED(claim)                                                                             \
    "($2::boolean OR " claim "::jsonb ? d.app_id OR (d.owner_user_id = $3 AND NOT EXISTS"          \
    " (SELECT FROM appinfra.apps a WHERE a.app_id = d.app_id AND a.owner_user_id <> $3)))"

// The owner and the default slug of an app that the caller reaches; $5: also one that is nobody's.
inline constexpr Query reach = {
    "reach",
    "SELECT json_build_object('owner', k.owner, 'slug',"
    " (SELECT a.slug FROM appinfra.apps a WHERE a.app_id = $1))::text"
    " FROM (SELECT (SELECT a.owner_user_id FROM appinfra.apps a WHERE a.app_id = $1) AS owner) k"
    " WHERE $2::boolean OR k.owner = $3 OR $4::jsonb ? $1"
    "  OR (k.owner IS NULL AND $5::boolean)",
    Effect::reads};

// What is told of an app a.
#define APP_DOCUMENT                                                                               \
    "json_build_object('app_id', a.app_id, 'owner_user_id', a.owner_user_id, 'slug', a.slug,"      \
    " 'databases', a.databases,"                                                                   \
    " 'created_at', to_char(a.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))"

inline constexpr Query app = {
    "app", "SELECT " APP_DOCUMENT "::text FROM appinfra.apps a WHERE a.app_id = $1", Effect::reads};

inline constexpr Query register_app = {"register_app", "SELECT appinfra.register_app($1, $2, $3)",
                                       Effect::writes};

inline constexpr Query unregister_app = {"unregister_app", "SELECT appinfra.unregister_app($1)",
                                         Effect::writes};

inline constexpr Query transfer_app = {"transfer_app", "SELECT appinfra.transfer_app($1, $2)",
                                       Effect::writes};

// A cursor is the last one's app_id.
inline constexpr Query list_apps = {
    "list_apps",
    "WITH page AS MATERIALIZED (SELECT a.* FROM appinfra.apps a"
    "  WHERE ($1::text IS NULL OR a.owner_user_id = $1) AND ($2::text IS NULL OR a.app_id > $2)"
    "  ORDER BY a.app_id LIMIT $3::int + 1),"
    " shown AS (SELECT * FROM page a ORDER BY a.app_id LIMIT $3::int)"
    " SELECT (jsonb_build_object('apps', coalesce((SELECT json_agg(" APP_DOCUMENT
    "   ORDER BY a.app_id) FROM shown a), '[]')) || CASE"
    "  WHEN (SELECT count(*) FROM page) > $3::int THEN (SELECT jsonb_build_object('next_cursor',"
    "   max(a.app_id)) FROM shown a) ELSE '{}' END)::text",
    Effect::reads};

inline constexpr Query get = {"get",
                              "SELECT " DATABASE_DOCUMENT "::text FROM appinfra.databases d"
                              " WHERE d.db_id = $1 AND " REACHED("$4"),
                              Effect::reads};

// The app's id, when the database is the caller's.
inline constexpr Query own = {"own",
                              "SELECT d.app_id FROM appinfra.databases d"
                              " WHERE d.db_id = $1 AND " REACHED("$4"),
                              Effect::reads};

// A cursor is the last one's time of creation in microseconds and its db_id.
inline constexpr Query list = {
    "list",
    "WITH page AS MATERIALIZED (SELECT d.* FROM appinfra.databases d"
    "  WHERE ($1::text IS NULL OR d.app_id = $1) AND " REACHED(
        "$7") "   AND d.status <> 'dropped' AND ($4::text IS NULL OR (d.created_at, d.db_id) >"
              "    ('epoch'::timestamptz + $4::bigint * interval '1 microsecond', $5::text))"
              "  ORDER BY d.created_at, d.db_id LIMIT $6::int + 1),"
              " shown AS (SELECT * FROM page d ORDER BY d.created_at, d.db_id LIMIT $6::int)"
              " SELECT (jsonb_build_object('databases', coalesce((SELECT "
              "json_agg(" DATABASE_DOCUMENT
              "   ORDER BY d.created_at, d.db_id) FROM shown d), '[]')) || CASE"
              "  WHEN (SELECT count(*) FROM page) > $6::int THEN (SELECT "
              "jsonb_build_object('next_cursor',"
              "   (extract(epoch FROM d.created_at) * 1000000)::bigint || '.' || d.db_id)"
              "   FROM shown d ORDER BY d.created_at DESC, d.db_id DESC LIMIT 1) ELSE '{}' "
              "END)::text",
    Effect::reads};

inline constexpr Query rotate = {
    "rotate",
    "SELECT " CONNECTION_DOCUMENT " FROM appinfra.rotate_credential($1, $2,"
    " coalesce($3::interval, '1 hour'), coalesce($4::interval, '7 days'), $5::boolean, $6, $7) c",
    Effect::writes, true};

inline constexpr Query revoke = {
    "revoke", "SELECT json_build_object('revoked', appinfra.revoke_tenant($1, $2))::text",
    Effect::writes};

inline constexpr Query restore = {"restore",
                                  "SELECT " CONNECTION_DOCUMENT
                                  " FROM appinfra.restore_tenant($1, publish => $2::boolean) c",
                                  Effect::writes, true};

inline constexpr Query remove = {
    "remove",
    "SELECT appinfra.deprovision_tenant($1, coalesce($2::interval, appinfra.retention()))::text",
    Effect::writes};

inline constexpr Query retention = {
    "retention",
    "SELECT json_build_object('db_id', d.db_id, 'status', d.status, 'restorable_until',"
    " to_char(d.retained_until AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))::text"
    " FROM appinfra.databases d WHERE d.db_id = $1",
    Effect::reads};

// What is open on the host concerns administrators ($2) alone.
#define EXPOSURES                                                                                  \
    "coalesce((SELECT json_agg(e) FROM appinfra.exposures($1) e WHERE $2::boolean OR e.database =" \
    " (SELECT d.database FROM appinfra.databases d WHERE d.db_id = $1)), '[]')"

inline constexpr Query exposures = {
    "exposures", "SELECT json_build_object('exposures', " EXPOSURES ")::text", Effect::reads};

inline constexpr Query audit = {
    "audit",
    "SELECT json_build_object('audit', coalesce(json_agg(a ORDER BY a.id), '[]'),"
    " 'next_after', coalesce(max(a.id), $2::bigint))::text"
    " FROM (SELECT * FROM appinfra.audit WHERE ($1::text IS NULL OR db_id = $1)"
    "  AND id > $2::bigint ORDER BY id LIMIT $3::int) a",
    Effect::reads};

inline constexpr Query delivery = {
    "delivery",
    "SELECT json_build_object('all_published', coalesce(bool_and(status = 'published'), false),"
    " 'failed', coalesce(bool_or(status = 'failed'), false), 'error',"
    " coalesce(max(error) FILTER (WHERE status = 'failed'), ''))::text"
    " FROM (SELECT DISTINCT ON (binding_id) status, error FROM appinfra.publications"
    "  WHERE db_id = $1 AND kind = 'set' AND ($2 = '' OR $2 = ANY (variables))"
    "   AND ($3 = '' OR $3 = target)"
    "  ORDER BY binding_id, publication_id DESC) p",
    Effect::reads};

} // namespace sidecar::use_cases::sql
