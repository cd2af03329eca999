// See insight.hpp.
#include "platform/insight.hpp"

#include "platform/insight_sql.hpp"
#include "platform/ownership.hpp"
#include "platform/problem.hpp"

namespace sidecar::use_cases
{
namespace
{

constexpr const char *no_session = "there is no such session";

// Throws not_found unless the text is a number as processes have it.
void
check_pid(const std::string &text)
{
    if (text.empty() || text.size() > 9 ||
        text.find_first_not_of("0123456789") != std::string::npos)
        throw not_found(no_session);
}

} // namespace

const FieldRule session_end_fields[1] = {
    {"started", FieldKind::text, true, "when the session began, as the list of sessions says"},
};

const FieldRule statement_fields[1] = {limit_field(500)};

Answer
usage(Database &database, const Caller &caller, const std::string &db_id)
{
    own(database, caller, db_id);
    return {database.value(sql::usage, {db_id}).value_or("{}")};
}

Answer
list_sessions(Database &database, const Caller &caller, const std::string &db_id)
{
    own(database, caller, db_id);
    return {database.value(sql::sessions, {db_id}).value_or("{}")};
}

Answer
end_session(Database &database, const Caller &caller, const std::string &db_id,
            const std::string &pid, const Input &input)
{
    check_pid(pid);
    return for_owner(database, caller, db_id, [&]() -> Answer {
        auto json = database.value(sql::end_session, {db_id, pid, input.text("started")});
        if (!json)
            throw not_found(no_session);
        return {std::move(*json)};
    });
}

Answer
list_statements(Database &database, const Caller &caller, const std::string &db_id,
                const Input &input)
{
    own(database, caller, db_id);
    return {
        database.value(sql::statements, {db_id, std::to_string(input.count("limit").value_or(100))})
            .value_or("{}")};
}

} // namespace sidecar::use_cases
