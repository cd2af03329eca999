// The SQL of the use cases of buckets (buckets.cpp, bucket_run.cpp), in the manner of sql.hpp.
#pragma once

#include "platform/sql.hpp"

namespace sidecar::use_cases::sql
{

// What is told of a bucket d.
#define BUCKET_DOCUMENT                                                                            \
    "json_build_object('bucket_id', d.bucket_id, 'app_id', d.app_id,"                              \
    " 'owner_user_id', d.owner_user_id, 'slug', d.slug, 'bucket_name', d.bucket_name,"             \
    " 'access_key', d.access_key, 'endpoint_url', d.endpoint_url, 'region', d.region,"             \
    " 'shape', d.shape, 'shared_host', d.shared_host, 'status', d.status, 'notes', d.notes,"       \
    " 'env_keys', d.env_keys, 'quota', d.quota, 'objects', d.objects, 'bytes', d.bytes,"           \
    " 'created_at', to_char(d.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))"

// A bucket_connection c.
#define BUCKET_CONNECTION                                                                          \
    "(jsonb_build_object('bucket_id', c.bucket_id, 'bucket_name', c.bucket_name,"                  \
    " 'endpoint_url', c.endpoint_url, 'access_key', c.access_key, 'region', c.region,"             \
    " 'status', c.status, 'env_keys', coalesce(to_jsonb(c.env_keys), '[]')) ||"                    \
    " jsonb_strip_nulls(jsonb_build_object('replaced_bucket_id', c.replaced_bucket_id)))::text"

inline constexpr Query provision_bucket = {
    "provision_bucket",
    "SELECT " BUCKET_CONNECTION " FROM appinfra.provision_bucket($1, $2, $3, $4, $5::bigint,"
    " $6::boolean, $7) c",
    Effect::writes};

inline constexpr Query rotate_bucket = {"rotate_bucket",
                                        "SELECT " BUCKET_CONNECTION
                                        " FROM appinfra.rotate_bucket_key($1, coalesce("
                                        "$2::interval, '7 days'), $3::boolean) c",
                                        Effect::writes};

inline constexpr Query restore_bucket = {
    "restore_bucket",
    "SELECT " BUCKET_CONNECTION " FROM appinfra.restore_bucket($1, $2::boolean) c", Effect::writes};

inline constexpr Query get_bucket = {"get_bucket",
                                     "SELECT " BUCKET_DOCUMENT "::text FROM appinfra.buckets d"
                                     " WHERE d.bucket_id = $1 AND " REACHED("$4"),
                                     Effect::reads};

// The app's id, when the bucket is the caller's.
inline constexpr Query own_bucket = {"own_bucket",
                                     "SELECT d.app_id FROM appinfra.buckets d"
                                     " WHERE d.bucket_id = $1 AND " REACHED("$4"),
                                     Effect::reads};

// A cursor is the last one's time of creation in microseconds and its bucket_id.
inline constexpr Query list_buckets = {
    "list_buckets",
    "WITH page AS MATERIALIZED (SELECT d.* FROM appinfra.buckets d"
    "  WHERE ($1::text IS NULL OR d.app_id = $1) AND " REACHED(
        "$7") "   AND d.status <> 'dropped' AND ($4::text IS NULL OR (d.created_at, d.bucket_id) >"
              "    ('epoch'::timestamptz + $4::bigint * interval '1 microsecond', $5::text))"
              "  ORDER BY d.created_at, d.bucket_id LIMIT $6::int + 1),"
              " shown AS (SELECT * FROM page d ORDER BY d.created_at, d.bucket_id LIMIT $6::int)"
              " SELECT (jsonb_build_object('buckets', coalesce((SELECT json_agg(" BUCKET_DOCUMENT
              "   ORDER BY d.created_at, d.bucket_id) FROM shown d), '[]')) || CASE"
              "  WHEN (SELECT count(*) FROM page) > $6::int THEN (SELECT"
              "   jsonb_build_object('next_cursor',"
              "   (extract(epoch FROM d.created_at) * 1000000)::bigint || '.' || d.bucket_id)"
              "   FROM shown d ORDER BY d.created_at DESC, d.bucket_id DESC LIMIT 1) ELSE '{}'"
              "  END)::text",
    Effect::reads};

inline constexpr Query revoke_bucket = {
    "revoke_bucket", "SELECT appinfra.revoke_bucket($1, $2)::text", Effect::writes};

// Whether the store has said of every revoked key that it is gone.
inline constexpr Query bucket_keys_gone = {"bucket_keys_gone",
                                           "SELECT NOT EXISTS (SELECT FROM appinfra.bucket_keys k"
                                           " WHERE k.bucket_id = $1 AND k.state = 'revoked')",
                                           Effect::reads};

inline constexpr Query remove_bucket = {
    "remove_bucket",
    "SELECT appinfra.deprovision_bucket($1, coalesce($2::interval, appinfra.retention()))::text",
    Effect::writes};

inline constexpr Query bucket_retention = {
    "bucket_retention",
    "SELECT json_build_object('bucket_id', d.bucket_id, 'status', d.status, 'restorable_until',"
    " to_char(d.retained_until AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))::text"
    " FROM appinfra.buckets d WHERE d.bucket_id = $1",
    Effect::reads};

inline constexpr Query set_bucket_quota = {
    "set_bucket_quota", "SELECT appinfra.set_bucket_quota($1, $2::bigint)::text", Effect::writes};

inline constexpr Query check_bucket = {
    "check_bucket",
    "SELECT json_build_object('bucket', (SELECT " BUCKET_DOCUMENT
    "  FROM appinfra.buckets d WHERE d.bucket_id = $1), 'keys', coalesce((SELECT json_agg("
    "  json_build_object('access_key', k.access_key, 'access', k.access, 'state', k.state,"
    "  'created_at', k.created_at, 'published_at', k.published_at, 'retires_at', k.retires_at,"
    "  'revoked_at', k.revoked_at, 'reason', k.reason, 'gone_at', k.gone_at,"
    "  'last_error', k.last_error) ORDER BY k.created_at DESC)"
    "  FROM appinfra.bucket_keys k WHERE k.bucket_id = $1), '[]'), 'publications',"
    " coalesce((SELECT json_agg(json_build_object('publication_id', p.publication_id, 'kind',"
    "  p.kind, 'target', p.target, 'variables', p.variables, 'status', p.status, 'version',"
    "  p.version, 'attempt', p.attempt, 'delivered', p.delivered, 'error', p.error, 'created_at',"
    "  p.created_at, 'ended_at', p.ended_at) ORDER BY p.publication_id DESC)"
    "  FROM appinfra.publications p WHERE p.bucket_id = $1), '[]'))::text",
    Effect::reads};

inline constexpr Query begin_handout = {
    "begin_handout",
    "SELECT json_build_object('publication_id', h.publication_id::text, 'claim', h.claim,"
    " 'storage', h.storage)::text FROM appinfra.begin_bucket_handout($1, $2, $3::interval) h",
    Effect::writes};

inline constexpr Query record_key = {
    "record_key", "SELECT appinfra.record_bucket_key($1::bigint, $2::uuid, $3)", Effect::writes};

inline constexpr Query complete_handout = {
    "complete_handout", "SELECT appinfra.complete_publication($1::bigint, $2::uuid, NULL::jsonb)",
    Effect::writes};

// A hand-out is never tried again, but with a time the bucket does not fail with it.
inline constexpr Query fail_handout = {
    "fail_handout",
    "SELECT appinfra.fail_publication($1::bigint, $2::uuid, $3, 'no', clock_timestamp())",
    Effect::writes};

// Whether the bucket was made by this transaction.
inline constexpr Query is_new_bucket = {
    "is_new_bucket", "SELECT created_at = now() FROM appinfra.buckets WHERE bucket_id = $1",
    Effect::reads};

// Whether the bucket's key has ever been handed out or published.
inline constexpr Query has_key = {
    "has_key",
    "SELECT EXISTS (SELECT FROM appinfra.publications p WHERE p.bucket_id = $1"
    " AND p.status = 'published')",
    Effect::reads};

inline constexpr Query bucket_delivery = {
    "bucket_delivery",
    "SELECT json_build_object('all_published', coalesce(bool_and(status = 'published'), false),"
    " 'failed', coalesce(bool_or(status = 'failed'), false), 'error',"
    " coalesce(max(error) FILTER (WHERE status = 'failed'), ''))::text"
    " FROM (SELECT DISTINCT ON (binding_id) status, error FROM appinfra.publications"
    "  WHERE bucket_id = $1 AND kind = 'set' ORDER BY binding_id, publication_id DESC) p",
    Effect::reads};

// Guests: what one has already, one at a time.
inline constexpr Query lock_guest = {
    "lock_guest",
    "SELECT pg_advisory_xact_lock(hashtextextended('appinfra guest ' || $1, 0))::text",
    Effect::writes};
inline constexpr Query guest_buckets = {
    "guest_buckets",
    "SELECT count(*) FROM appinfra.buckets WHERE owner_user_id = $1"
    " AND status NOT IN ('dropped', 'failed')",
    Effect::reads};
inline constexpr Query guest_apps = {
    "guest_apps", "SELECT count(*) FROM appinfra.apps WHERE owner_user_id = $1", Effect::reads};

} // namespace sidecar::use_cases::sql
