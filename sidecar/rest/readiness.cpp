// See readiness.hpp.
#include "rest/readiness.hpp"

#include <utility>

#include "base/failure.hpp"
#include "base/json.hpp"
#include "platform/database.hpp"
#include "platform/error_table.hpp"
#include "platform/problem.hpp"

namespace sidecar
{
namespace
{

// What the database says of its readiness.
constexpr Query readiness_query = {
    "readiness",
    "SELECT json_build_object('version', appinfra.version(), 'guard', appinfra.guard_state(),"
    " 'admin', pg_has_role('appinfra_admin', 'USAGE'), 'read_only', pg_is_in_recovery())::text",
    Effect::reads};

// Why the host hands out no publication; NULL: it does. An older extension does not know.
constexpr Query held_query = {"readiness_held", "SELECT appinfra.held_because()", Effect::reads};

// Returns what keeps the database from being ready for us.
std::vector<std::string>
reasons_of(Database &database)
{
    std::vector<std::string> reasons;
    const Json state = parse_json(database.value(readiness_query, {}).value_or("{}"));
    const auto is = [&](const char *name) {
        return json_is_true(json_object_get(state.get(), name));
    };
    const std::string version = string_member(state, "version").value_or("none");
    const std::string guard = string_member(state, "guard").value_or("off");
    if (version != APPINFRA_VERSION)
        reasons.push_back("the extension is of version " + version + ", the sidecar of " +
                          APPINFRA_VERSION);
    else if (const auto because = database.value(held_query, {}))
        reasons.push_back("the host hands out no publication until appinfra.accept_restore(): " +
                          *because);
    if (guard != "enforce")
        reasons.push_back("appinfra.guard is " + guard);
    if (!is("admin"))
        reasons.emplace_back("the sidecar's login is no member of appinfra_admin");
    if (is("read_only"))
        reasons.emplace_back("the server takes no writes");
    return reasons;
}

} // namespace

Response
Readiness::response()
{
    const std::lock_guard lock(mutex_);
    return answer(reasons_);
}

Response
Readiness::late()
{
    return answer({"the database does not answer"});
}

void
Readiness::read(Database &database)
{
    std::vector<std::string> reasons;
    try {
        reasons = reasons_of(database);
    } catch (const Failure &failure) {
        reasons = {problem_of(failure, use_case_errors).detail};
    }
    const std::lock_guard lock(mutex_);
    reasons_ = std::move(reasons);
}

// Adds what the sidecar itself knows, which is as it is now.
Response
Readiness::answer(std::vector<std::string> reasons) const
{
    if (status_.delivers && status_.producer_refuses)
        reasons.emplace_back("the producer refuses our token");
    if (status_.storage_producer_refuses)
        reasons.emplace_back("the storage producer refuses our token");
    if (status_.store_refuses || status_.store_refuses_work)
        reasons.emplace_back("the store refuses our key");
    if (status_.draining)
        reasons.emplace_back("the sidecar is stopping");
    const Json list(json_array());
    for (const std::string &reason : reasons)
        json_array_append_new(list.get(), json_of(reason).release());
    const Json body =
        pack("{s:b, s:O}", "ready", static_cast<int>(reasons.empty()), "reasons", list.get());
    return {reasons.empty() ? 200 : 503, json_text(body), "application/json", false, {}};
}

} // namespace sidecar
