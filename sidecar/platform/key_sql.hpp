// The SQL of the use cases of API keys (app_keys.cpp), as sql.hpp.
#pragma once

#include "platform/access_sql.hpp"

namespace sidecar::use_cases::sql
{

inline constexpr Query mint_key = {
    "mint_key",
    "SELECT json_strip_nulls(json_build_object('db_id', $1::text, 'key_id', k.key_id, 'role',"
    " $2::text, 'env', $4::text, 'expires_at', k.expires_at, 'token', k.token))::text"
    " FROM appinfra.mint_key($1, $2, $3, $4, $5::interval) k",
    Effect::writes, true};

inline constexpr Query publish_key = {
    "publish_key",
    "SELECT json_build_object('db_id', $1::text, 'key_id', k, 'role', $2::text, 'env', 'live',"
    " 'env_keys', json_build_array('AGENTCOOPDB_API_KEY', 'AGENTCOOPDB_GATEWAY_URL'))::text"
    " FROM appinfra.publish_key($1, $2) k",
    Effect::writes};

// How far the delivery of key $2 is, as sql.hpp says it of databases'.
inline constexpr Query key_delivery = {
    "key_delivery",
    "SELECT json_build_object('all_published', coalesce(bool_and(status = 'published'), false),"
    " 'failed', coalesce(bool_or(status = 'failed'), false), 'error',"
    " coalesce(max(error) FILTER (WHERE status = 'failed'), ''))::text"
    " FROM (SELECT DISTINCT ON (binding_id) status, error FROM appinfra.publications"
    "  WHERE workspace = $1 AND key_id = $2 AND kind = 'set'"
    "  ORDER BY binding_id, publication_id DESC) p",
    Effect::reads};

// A key that was published has the target and the status of its newest publication.
inline constexpr Query list_keys = {
    "list_keys",
    "SELECT json_build_object('keys', " ROWS_OF(
        "SELECT k.key_id, k.role, k.env, k.name, k.status, k.created_at, k.expires_at,"
        " k.revoked_at, k.reason, k.replaces, k.last_used_at, d.target, d.status AS publication"
        " FROM appinfra.keys k LEFT JOIN LATERAL (SELECT p.target, p.status"
        "  FROM appinfra.publications p WHERE p.workspace = $1 AND p.key_id = k.key_id"
        "  ORDER BY p.publication_id DESC LIMIT 1) d ON true WHERE k.db_id = $1"
        " ORDER BY k.created_at, k.key_id") ")::text",
    Effect::reads};

// Nothing when the database has no such key.
inline constexpr Query revoke_key = {
    "revoke_key",
    "SELECT json_build_object('revoked', 1)::text FROM (SELECT appinfra.revoke_key(key_id, $3)"
    " FROM appinfra.keys WHERE db_id = $1 AND key_id = $2 OFFSET 0) r",
    Effect::writes};

} // namespace sidecar::use_cases::sql
