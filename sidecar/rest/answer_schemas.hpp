// What the API answers, as JSON schemas: the components of the OpenAPI document, but for the
// statuses, which openapi.cpp adds.
#pragma once

namespace sidecar
{

// clang-format off
inline constexpr const char *answer_schemas = R"json({
 "Problem": {"type": "object", "required": ["type", "title", "status"], "properties": {
   "type": {"type": "string"},
   "title": {"type": "string", "description": "a stable code, such as not_found or refused"},
   "status": {"type": "integer"}, "detail": {"type": "string"}, "hint": {"type": "string"},
   "sqlstate": {"type": "string", "description": "where PostgreSQL refused"}}},
 "Connection": {"type": "object", "required": ["host", "port", "database", "username"], "properties": {
   "host": {"type": "string"}, "port": {"type": "integer"}, "database": {"type": "string"},
   "username": {"type": "string"},
   "password": {"type": "string", "description": "in this answer only"},
   "url": {"type": "string", "description": "in this answer only"}}},
 "Provisioned": {"type": "object", "required": ["db_id", "status", "connection"], "properties": {
   "db_id": {"type": "string"}, "status": {"$ref": "#/components/schemas/Status"},
   "connection": {"$ref": "#/components/schemas/Connection"},
   "env_keys": {"type": "array", "items": {"type": "string"}},
   "env": {"type": "object", "additionalProperties": {"type": "string"},
           "description": "every variable, when there are several and they are not published"}}},
 "Database": {"type": "object",
   "required": ["db_id", "app_id", "engine", "shape", "shared_host", "database", "username", "host", "port", "status", "notes", "created_at"],
   "properties": {
   "db_id": {"type": "string"}, "app_id": {"type": "string"}, "owner_user_id": {"type": "string"},
   "slug": {"type": "string"}, "engine": {"type": "string"}, "shape": {"type": "string"},
   "shared_host": {"type": "string"}, "database": {"type": "string"},
   "username": {"type": ["string", "null"]}, "host": {"type": "string"}, "port": {"type": "integer"},
   "status": {"$ref": "#/components/schemas/Status"}, "notes": {"type": ["string", "null"]},
   "env_keys": {"type": "array", "items": {"type": "string"}},
   "created_at": {"type": "string", "format": "date-time"},
   "expires_at": {"type": ["string", "null"], "format": "date-time", "description": "when it is removed by itself; null: never"}}},
 "DatabaseList": {"type": "object", "required": ["databases"], "properties": {
   "databases": {"type": "array", "items": {"$ref": "#/components/schemas/Database"}},
   "next_cursor": {"type": "string", "description": "there are more"}}},
 "Bucket": {"type": "object",
   "required": ["bucket_id", "app_id", "bucket_name", "access_key", "endpoint_url", "region", "shape", "shared_host", "status", "notes", "created_at"],
   "properties": {
   "bucket_id": {"type": "string"}, "app_id": {"type": "string"}, "owner_user_id": {"type": "string"},
   "slug": {"type": "string"}, "bucket_name": {"type": "string"},
   "access_key": {"type": ["string", "null"], "description": "null: none was made yet"},
   "endpoint_url": {"type": "string"}, "region": {"type": "string"}, "shape": {"type": "string"},
   "shared_host": {"type": "string"}, "status": {"$ref": "#/components/schemas/BucketStatus"},
   "notes": {"type": ["string", "null"]}, "env_keys": {"type": "array", "items": {"type": "string"}},
   "quota": {"type": ["integer", "null"], "description": "bytes; 0: none, null: the host's default"},
   "objects": {"type": ["integer", "null"], "description": "as the store said it last"},
   "bytes": {"type": ["integer", "null"], "description": "as the store said it last"},
   "created_at": {"type": "string", "format": "date-time"}}},
 "BucketList": {"type": "object", "required": ["buckets"], "properties": {
   "buckets": {"type": "array", "items": {"$ref": "#/components/schemas/Bucket"}},
   "next_cursor": {"type": "string", "description": "there are more"}}},
 "ProvisionedBucket": {"type": "object", "required": ["bucket_id", "bucket_name", "endpoint_url", "access_key", "region", "status", "env_keys"],
   "properties": {
   "bucket_id": {"type": "string"}, "bucket_name": {"type": "string"}, "endpoint_url": {"type": "string"},
   "access_key": {"type": ["string", "null"]},
   "secret_key": {"type": "string", "description": "in this answer only, when it is not published"},
   "region": {"type": "string"}, "status": {"$ref": "#/components/schemas/BucketStatus"},
   "env_keys": {"type": "array", "items": {"type": "string"}},
   "env_payload": {"type": "object", "additionalProperties": {"type": "string"},
                   "description": "the five variables, in this answer only, when they are not published"},
   "replaced_bucket_id": {"type": "string", "description": "the bucket that had the variables before"}}},
 "RemovedBucket": {"type": "object", "required": ["bucket_id", "status"], "properties": {
   "bucket_id": {"type": "string"}, "status": {"$ref": "#/components/schemas/BucketStatus"},
   "restorable_until": {"type": ["string", "null"], "format": "date-time"}}},
 "App": {"type": "object", "required": ["app_id", "owner_user_id", "slug", "databases", "created_at"],
   "properties": {
   "app_id": {"type": "string"}, "owner_user_id": {"type": "string"},
   "slug": {"type": ["string", "null"], "description": "the default one of its databases"},
   "databases": {"type": "integer", "description": "how many it has that are not dropped"},
   "created_at": {"type": "string", "format": "date-time"}}},
 "AppList": {"type": "object", "required": ["apps"], "properties": {
   "apps": {"type": "array", "items": {"$ref": "#/components/schemas/App"}},
   "next_cursor": {"type": "string", "description": "there are more"}}},
 "Revoked": {"type": "object", "required": ["revoked"], "properties": {"revoked": {"type": "integer"}}},
 "Removed": {"type": "object", "required": ["db_id", "status"], "properties": {
   "db_id": {"type": "string"}, "status": {"$ref": "#/components/schemas/Status"},
   "restorable_until": {"type": ["string", "null"], "format": "date-time"}}},
 "Exposures": {"type": "object", "required": ["exposures"], "properties": {
   "exposures": {"type": "array", "items": {"$ref": "#/components/schemas/Exposure"}}}},
 "Exposure": {"type": "object", "required": ["severity", "rule", "remedy"], "properties": {
   "severity": {"type": "string", "enum": ["critical", "high", "medium", "low", "notice"]},
   "rule": {"type": "string"}, "database": {"type": ["string", "null"]}, "object": {"type": ["string", "null"]},
   "grantee": {"type": ["string", "null"]}, "detail": {"type": ["string", "null"]},
   "remedy": {"type": ["string", "null"], "description": "what closes it, mostly SQL"},
   "checked_at": {"type": "string", "format": "date-time", "description": "when it was so"}}},
 "Audit": {"type": "object", "required": ["audit", "next_after"], "properties": {
   "audit": {"type": "array", "items": {"$ref": "#/components/schemas/AuditRow"}}, "next_after": {"type": "integer"}}},
 "AuditRow": {"type": "object", "required": ["id", "time", "action", "outcome"], "properties": {
   "id": {"type": "integer"}, "time": {"type": "string", "format": "date-time"},
   "actor": {"type": ["string", "null"]}, "effective_role": {"type": ["string", "null"]},
   "application_name": {"type": ["string", "null"]}, "client_address": {"type": ["string", "null"]},
   "database": {"type": ["string", "null"]}, "action": {"type": "string"}, "db_id": {"type": ["string", "null"]},
   "credential": {"type": ["string", "null"]}, "outcome": {"type": "string"}, "detail": {"type": ["object", "null"]},
   "transaction_id": {"type": ["string", "integer", "null"]},
   "end_user": {"type": ["string", "null"], "description": "who asked through the sidecar"}}},
 "Credential": {"type": "object", "required": ["username", "access", "state", "created_at"], "properties": {
   "username": {"type": "string"}, "access": {"$ref": "#/components/schemas/Access"},
   "state": {"type": "string", "enum": ["waiting", "active", "retiring", "revoked", "gone"]},
   "target": {"type": ["string", "null"], "description": "whose environment it stands in; null: it was issued to somebody"},
   "variables": {"type": ["array", "null"], "items": {"type": "string"}},
   "created_at": {"type": "string", "format": "date-time"}, "published_at": {"type": ["string", "null"], "format": "date-time"},
   "first_login_at": {"type": ["string", "null"], "format": "date-time"}, "valid_until": {"type": ["string", "null"], "format": "date-time"},
   "successor": {"type": ["string", "null"]}, "retires_at": {"type": ["string", "null"], "format": "date-time"},
   "revoked_at": {"type": ["string", "null"], "format": "date-time"}, "reason": {"type": ["string", "null"]},
   "sessions_ended": {"type": ["integer", "null"], "description": "how many sessions its revocation has ended"},
   "sessions_ended_at": {"type": ["string", "null"], "format": "date-time", "description": "since when none is left"},
   "last_error": {"type": ["string", "null"]}}},
 "CredentialList": {"type": "object", "required": ["credentials"], "properties": {
   "credentials": {"type": "array", "items": {"$ref": "#/components/schemas/Credential"}}}},
 "MintedKey": {"type": "object", "required": ["db_id", "key_id", "role", "env"], "properties": {
   "db_id": {"type": "string"}, "key_id": {"type": "string"}, "role": {"$ref": "#/components/schemas/KeyRole"},
   "env": {"type": "string", "enum": ["dev", "live", "test"]}, "expires_at": {"type": "string", "format": "date-time"},
   "token": {"type": "string", "description": "in this answer only, when it is not published"},
   "env_keys": {"type": "array", "items": {"type": "string"}, "description": "when it is published"}}},
 "Key": {"type": "object", "required": ["key_id", "role", "env", "status", "created_at"], "properties": {
   "key_id": {"type": "string"}, "role": {"$ref": "#/components/schemas/KeyRole"},
   "env": {"type": "string", "enum": ["dev", "live", "test"]}, "name": {"type": ["string", "null"]},
   "status": {"type": "string", "enum": ["active", "expired", "revoked"]},
   "created_at": {"type": "string", "format": "date-time"}, "expires_at": {"type": ["string", "null"], "format": "date-time"},
   "revoked_at": {"type": ["string", "null"], "format": "date-time"}, "reason": {"type": ["string", "null"]},
   "replaces": {"type": ["string", "null"], "description": "the key it was rotated from"},
   "last_used_at": {"type": ["string", "null"], "format": "date-time"},
   "target": {"type": ["string", "null"], "description": "where it is published; null: its maker was told it"},
   "publication": {"type": ["string", "null"], "description": "the status of its newest publication"}}},
 "KeyList": {"type": "object", "required": ["keys"], "properties": {
   "keys": {"type": "array", "items": {"$ref": "#/components/schemas/Key"}}}},
 "KeyRole": {"type": "string", "enum": ["dbadmin", "dbuser", "reader"]},
 "Publication": {"type": "object", "required": ["publication_id", "kind", "target", "variables", "status", "created_at"], "properties": {
   "db_id": {"type": ["string", "null"], "description": "in the list of all"}, "bucket_id": {"type": ["string", "null"], "description": "likewise"},
   "app_id": {"type": "string", "description": "likewise"},
   "publication_id": {"type": "integer"}, "kind": {"type": "string", "enum": ["set", "unset"]}, "target": {"type": "string"},
   "variables": {"type": "array", "items": {"type": "string"}}, "status": {"$ref": "#/components/schemas/PublicationStatus"},
   "version": {"type": ["integer", "null"]}, "attempt": {"type": ["integer", "null"]},
   "delivered": {"type": ["string", "null"]}, "error": {"type": ["string", "null"]},
   "created_at": {"type": "string", "format": "date-time"}, "ended_at": {"type": ["string", "null"], "format": "date-time"},
   "key_id": {"type": ["string", "null"], "description": "the API key that it delivers; null: a DSN"}}},
 "Pool": {"type": "object", "required": ["pool"], "properties": {
   "pool": {"type": "array", "items": {"$ref": "#/components/schemas/PoolDatabase"}}}},
 "PoolDatabase": {"type": "object", "required": ["db_id", "status", "database"], "properties": {
   "db_id": {"type": "string", "description": "-: the template, while it is being built"},
   "status": {"type": "string", "enum": ["ready", "building"]}, "database": {"type": "string"},
   "attempts": {"type": ["integer", "null"]}, "last_error": {"type": ["string", "null"]},
   "created_at": {"type": ["string", "null"], "format": "date-time"}, "ready_at": {"type": ["string", "null"], "format": "date-time"}}},
 "PublicationList": {"type": "object", "required": ["publications"], "properties": {
   "publications": {"type": "array", "items": {"$ref": "#/components/schemas/Publication"}},
   "next_cursor": {"type": "integer", "description": "there are more"}}},
 "Service": {"type": "object", "required": ["service_id", "host_id", "username", "access", "created_at"], "properties": {
   "service_id": {"type": "string"}, "host_id": {"type": "string"},
   "username": {"type": ["string", "null"], "description": "null: every credential of it is revoked"},
   "access": {"$ref": "#/components/schemas/Access"}, "target": {"type": "string"}, "state": {"type": ["string", "null"]},
   "version": {"type": "integer"}, "status": {"type": ["string", "null"], "description": "of its newest publication"},
   "error": {"type": ["string", "null"]}, "created_at": {"type": "string", "format": "date-time"}}},
 "ServiceList": {"type": "object", "required": ["services"], "properties": {
   "services": {"type": "array", "items": {"$ref": "#/components/schemas/Service"}}}},
 "ServiceChange": {"type": "object", "required": ["service_id", "host_id", "username", "action"], "properties": {
   "service_id": {"type": "string"}, "host_id": {"type": "string"}, "username": {"type": ["string", "null"]},
   "action": {"type": "string", "enum": ["made", "kept", "dropped"]}}},
 "ServiceChanges": {"type": "object", "required": ["services"], "properties": {
   "services": {"type": "array", "items": {"$ref": "#/components/schemas/ServiceChange"}}}},
 "Variable": {"type": "object", "required": ["variable", "app_id", "access", "target"], "properties": {
   "variable": {"type": "string"}, "app_id": {"type": "string"},
   "container": {"type": ["string", "null"], "description": "null: the app's own environment"},
   "access": {"$ref": "#/components/schemas/Access"},
   "via": {"type": ["string", "null"], "description": "pooler: the DSN has the pooler's address"},
   "target": {"type": "string"}, "version": {"type": "integer"}, "created_at": {"type": "string", "format": "date-time"},
   "key_id": {"type": ["string", "null"], "description": "the API key that it has, or whose URL; null: a DSN"}}},
 "VariableList": {"type": "object", "required": ["variables"], "properties": {
   "variables": {"type": "array", "items": {"$ref": "#/components/schemas/Variable"}}}},
 "Usage": {"type": "object", "required": ["db_id", "measured_at", "size", "disk_state", "connections", "history"], "properties": {
   "db_id": {"type": "string"}, "measured_at": {"type": ["string", "null"], "format": "date-time"},
   "size": {"type": ["integer", "null"], "description": "bytes of its files; null: not measured yet"},
   "temporary": {"type": "integer", "description": "bytes of temporary files just now"},
   "disk_limit": {"type": ["integer", "null"], "description": "bytes; null: none"},
   "disk_state": {"type": "string", "enum": ["ok", "near", "over"], "description": "near: from 80 % of the limit on; over: nothing grows"},
   "connections": {"type": "integer"},
   "transactions": {"type": "integer", "description": "as the server counts, which may begin anew; so do the next four"},
   "blocks_read": {"type": "integer"}, "blocks_hit": {"type": "integer"}, "temp_bytes": {"type": "integer"}, "deadlocks": {"type": "integer"},
   "oldest_transaction": {"type": ["string", "null"], "format": "date-time"}, "locks": {"type": "integer"},
   "last_login": {"type": ["string", "null"], "format": "date-time"},
   "history": {"type": "array", "items": {"$ref": "#/components/schemas/UsageDay"}}}},
 "UsageDay": {"type": "object", "required": ["day", "size", "connections"], "properties": {
   "day": {"type": "string", "format": "date"}, "size": {"type": ["integer", "null"], "description": "the highest"},
   "connections": {"type": "integer", "description": "the most that were seen"}, "transactions": {"type": "integer"},
   "blocks_read": {"type": "integer"}, "blocks_hit": {"type": "integer"}, "temp_bytes": {"type": "integer"}, "deadlocks": {"type": "integer"}}},
 "Session": {"type": "object", "required": ["pid", "started", "username", "access"], "properties": {
   "pid": {"type": "integer"}, "started": {"type": "string", "format": "date-time"}, "username": {"type": ["string", "null"]},
   "access": {"type": "string"}, "state": {"type": ["string", "null"]}, "application_name": {"type": ["string", "null"]},
   "client_addr": {"type": ["string", "null"]}, "transaction_started": {"type": ["string", "null"], "format": "date-time"},
   "query_started": {"type": ["string", "null"], "format": "date-time"}, "state_since": {"type": ["string", "null"], "format": "date-time"},
   "wait_event_type": {"type": ["string", "null"]}, "wait_event": {"type": ["string", "null"]},
   "query": {"type": ["string", "null"], "description": "what it runs, or has run last"}}},
 "SessionList": {"type": "object", "required": ["sessions"], "properties": {
   "sessions": {"type": "array", "items": {"$ref": "#/components/schemas/Session"}}}},
 "SessionEnd": {"type": "object", "required": ["ended"], "properties": {"ended": {"type": "integer"}}},
 "Statement": {"type": "object", "required": ["query_id", "query", "calls", "total_ms"], "properties": {
   "query_id": {"type": ["string", "null"]}, "query": {"type": ["string", "null"]}, "calls": {"type": "integer"}, "rows": {"type": "integer"},
   "total_ms": {"type": "number"}, "mean_ms": {"type": "number"}, "max_ms": {"type": "number"},
   "blocks_hit": {"type": "integer"}, "blocks_read": {"type": "integer"}, "temp_blocks_written": {"type": "integer"}}},
 "StatementList": {"type": "object", "required": ["statements"], "properties": {
   "statements": {"type": "array", "items": {"$ref": "#/components/schemas/Statement"}}}},
 "Unbound": {"type": "object", "required": ["unbound"], "properties": {
   "unbound": {"type": "array", "items": {"type": "string"}}}},
 "Access": {"type": "string", "enum": ["owner", "writer", "reader", "service"]},
 "Health": {"type": "object", "properties": {"status": {"type": "string"}}},
 "Readiness": {"type": "object", "properties": {"ready": {"type": "boolean"},
   "reasons": {"type": "array", "items": {"type": "string"}}}},
 "OpenApi": {"type": "object"},
 "Mcp": {"type": "object", "description": "a JSON-RPC 2.0 response"}
})json";
// clang-format on

} // namespace sidecar
