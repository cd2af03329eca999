// A registered procedure: a function rpc.<name>(jsonb) of the workspace.
#pragma once

#include <string>
#include <string_view>

namespace sidecar::gateway
{

// Asks for the procedure with the name $1: no row, or whether it returns a set. Nothing in the
// workspace can stand in for the catalogs that are asked.
inline constexpr const char *find_procedure_sql =
    "SELECT p.proretset FROM pg_catalog.pg_proc p"
    " JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace"
    " WHERE n.nspname OPERATOR(pg_catalog.=) 'rpc' AND p.proname OPERATOR(pg_catalog.=) $1"
    " AND p.prokind OPERATOR(pg_catalog.=) 'f' AND p.pronargs OPERATOR(pg_catalog.=) 1"
    " AND p.proargtypes[0] OPERATOR(pg_catalog.=) 'pg_catalog.jsonb'::pg_catalog.regtype";

// Whether a procedure can have that name; then it needs no quoting.
bool is_procedure_name(std::string_view name);

// The statement that calls a procedure with the arguments $1.
std::string call_of(const std::string &procedure);

} // namespace sidecar::gateway
