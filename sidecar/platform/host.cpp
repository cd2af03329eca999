// See host.hpp.
#include "platform/host.hpp"

#include <limits>

#include "platform/host_sql.hpp"

namespace sidecar::use_cases
{

const FieldRule all_publications_fields[3] = {
    {"status", FieldKind::text, false, "only those of this status",
     R"({"enum": ["pending", "claimed", "published", "failed", "superseded", "cancelled"]})"},
    limit_field(500),
    {"cursor", FieldKind::count, false, "next_cursor of the page before", nullptr, 1,
     std::numeric_limits<std::int64_t>::max() / 10},
};

Answer
list_pool(Database &database)
{
    return {database.value(sql::list_pool, {}).value_or("{}")};
}

Answer
host_exposures(Database &database)
{
    return {database.value(sql::host_exposures, {}).value_or("{}")};
}

Answer
list_all_publications(Database &database, const Input &input)
{
    const auto cursor = input.count("cursor");
    return {database
                .value(sql::list_all_publications,
                       {input.text("status"),
                        cursor ? std::optional<std::string>(std::to_string(*cursor)) : std::nullopt,
                        std::to_string(input.count("limit").value_or(100))})
                .value_or("{}")};
}

} // namespace sidecar::use_cases
