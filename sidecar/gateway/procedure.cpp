// See procedure.hpp.
#include "gateway/procedure.hpp"

namespace sidecar::gateway
{

bool
is_procedure_name(std::string_view name)
{
    return !name.empty() && name.size() <= 63 &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") ==
               std::string_view::npos;
}

std::string
call_of(const std::string &procedure)
{
    return "SELECT rpc.\"" + procedure + "\"($1::pg_catalog.jsonb)";
}

} // namespace sidecar::gateway
