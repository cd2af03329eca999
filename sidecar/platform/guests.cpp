// See guests.hpp.
#include "platform/guests.hpp"

#include <algorithm>

#include "platform/bucket_sql.hpp"
#include "platform/problem.hpp"

namespace sidecar::use_cases
{
namespace
{

// Throws refused when a guest has so many of something already.
void
check_count(Database &database, const Query &count, const Caller &caller, int most,
            const char *what)
{
    if (std::stoi(database.value(count, {caller.user}).value_or("0")) >= most)
        throw Problem(422, "refused", "a guest has at most " + std::to_string(most) + " " + what);
}

} // namespace

void
admit_guest(Database &database, const Caller &caller, const std::string &app_id, bool registered)
{
    database.value(sql::lock_guest, {caller.user});
    check_count(database, sql::guest_buckets, caller, max_guest_buckets, "buckets");
    if (registered)
        return;
    check_count(database, sql::guest_apps, caller, max_guest_apps, "apps");
    database.value(sql::register_app, {app_id, caller.user, std::nullopt});
}

std::optional<std::string>
quota_of(const Caller &caller, const Input &input)
{
    const auto asked = input.count("quota");
    if (!caller.guest)
        return asked ? std::optional(std::to_string(*asked)) : std::nullopt;
    if (asked && (*asked == 0 || *asked > caller.guest_quota))
        throw Problem(422, "refused",
                      "a guest's bucket has at most " + std::to_string(caller.guest_quota) +
                          " bytes");
    return std::to_string(asked.value_or(caller.guest_quota));
}

} // namespace sidecar::use_cases
