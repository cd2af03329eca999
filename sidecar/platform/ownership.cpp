// See ownership.hpp.
#include "platform/ownership.hpp"

#include "platform/sql.hpp"

namespace sidecar::use_cases
{

bool
is_db_id(std::string_view text)
{
    return text.size() == 15 && text.starts_with("db-") &&
           text.find_first_not_of("0123456789abcdef", 3) == std::string_view::npos;
}

Problem
no_such_database()
{
    return not_found("there is no such database");
}

Problem
no_such_bucket()
{
    return not_found("there is no such bucket");
}

Parameters
owned(const std::string &id, const Caller &caller)
{
    return {id, sql_flag(caller.admin), caller.user, claim_of(caller)};
}

void
own(Database &database, const Caller &caller, const std::string &db_id,
    const std::optional<std::string> &app_id)
{
    const auto app =
        is_db_id(db_id) ? database.value(sql::own, owned(db_id, caller)) : std::nullopt;
    if (!app || (app_id && *app_id != *app))
        throw no_such_database();
}

} // namespace sidecar::use_cases
