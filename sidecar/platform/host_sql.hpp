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
    PAGE_OF_PUBLICATIONS(
        "coalesce(db_id, workspace) AS db_id, bucket_id, app_id, " PUBLICATION_COLUMNS,
        "($1::text IS NULL OR status = $1)"),
    Effect::reads};

} // namespace sidecar::use_cases::sql
