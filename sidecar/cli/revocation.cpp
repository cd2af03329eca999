// See revocation.hpp.
#include "cli/revocation.hpp"

namespace sidecar::cli
{
namespace
{

// Calls body with each credential of a database.
template <typename Body>
void
for_each_credential(const Session &session, const std::string &db_id, Body body)
{
    const Json document = session.client.get(api_path({"databases", db_id, "credentials"}));
    std::size_t index = 0;
    const json_t *one = nullptr;
    json_array_foreach(json_object_get(document.get(), "credentials"), index, one)
    {
        body(one, value_text(json_object_get(one, "username")));
    }
}

} // namespace

std::set<std::string>
logins_of(const Session &session, const std::string &db_id)
{
    std::set<std::string> logins;
    for_each_credential(session, db_id, [&](const json_t *one, const std::string &login) {
        if (value_text(json_object_get(one, "state")) != "revoked")
            logins.insert(login);
    });
    return logins;
}

Progress
revocation_of(const Session &session, const std::string &db_id, const std::set<std::string> &logins)
{
    std::size_t open = 0;
    json_int_t ended = 0;
    std::string last;
    for_each_credential(session, db_id, [&](const json_t *one, const std::string &login) {
        if (!logins.contains(login))
            return;
        ended += json_integer_value(json_object_get(one, "sessions_ended"));
        if (!json_is_string(json_object_get(one, "sessions_ended_at"))) {
            open++;
            last = login;
        }
    });
    if (open > 0)
        return {false, false,
                "the last session of " + (open == 1 ? last : std::to_string(open) + " logins")};
    return {true, false, "no session is left (" + std::to_string(ended) + " ended)"};
}

} // namespace sidecar::cli
