// The SQL of the use cases of the host (host.cpp), as sql.hpp.
#pragma once

#include "platform/access_sql.hpp"

namespace sidecar::use_cases::sql
{

inline constexpr Query list_pool = {
    "list_pool",
    "SELECT json_build_object('pool', " ROWS_OF(
        "SELECT db_id, status, database, attempts, last_error, created_at, ready_at"
        " FROM appinfra.pool ORDER BY created_at, db_id") ")::text",
    Effect::reads};

inline constexpr Query host_exposures = {
    "host_exposures",
    "SELECT json_build_object('exposures',"
    " coalesce((SELECT json_agg(e) FROM appinfra.exposures() e), '[]'))::text",
    Effect::reads};

// A cursor is the last one's publication_id. A publication of a key is of its workspace.
inline constexpr Query list_all_publications = {
    "list_all_publications",
    "WITH page AS MATERIALIZED (SELECT coalesce(db_id, workspace) AS db_id, bucket_id,"
    "  app_id, " PUBLICATION_COLUMNS " FROM appinfra.publications"
    "  WHERE ($1::text IS NULL OR status = $1)"
    "  AND ($2::bigint IS NULL OR publication_id < $2::bigint)"
    "  ORDER BY publication_id DESC LIMIT $3::int + 1),"
    " shown AS (SELECT * FROM page ORDER BY publication_id DESC LIMIT $3::int)"
    " SELECT (jsonb_build_object('publications', " ROWS_OF(
        "SELECT * FROM shown") ") || CASE"
                               "  WHEN (SELECT count(*) FROM page) > $3::int THEN "
                               "jsonb_build_object('next_cursor',"
                               "   (SELECT min(publication_id) FROM shown)) ELSE '{}' END)::text",
    Effect::reads};

} // namespace sidecar::use_cases::sql
