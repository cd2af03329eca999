// The verbs that end access to a database, or bring it back.
#include <algorithm>
#include <set>

#include "cli/exit_codes.hpp"
#include "cli/handout.hpp"
#include "cli/names.hpp"
#include "cli/revocation.hpp"
#include "cli/verbs.hpp"
#include "cli/wait.hpp"

namespace sidecar::cli::verbs
{
namespace
{

// How far a deletion is: done when nobody reaches the database any more.
Progress
deletion_of(const Session &session, const std::string &id)
{
    const Json database = session.client.get(api_path({"databases", id}));
    const std::string status = member_text(database, "status");
    if (status == "retained")
        return {true, false, id + " is out of reach"};
    if (status == "dropped")
        return {true, false, id + " is dropped"};
    return {false, false, "the deletion of " + id + " (" + status + ")"};
}

} // namespace

int
revoke_database(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    if (!may_destroy(session,
                     "Revoke every credential of " + id + "? Its apps lose their connections."))
        return exit_codes::refused;
    const std::set<std::string> logins = logins_of(session, id);
    const Json body(json_object());
    put_text(body, "reason", session.option("reason"));
    const Json revoked = session.client.call("POST", api_path({"databases", id, "revoke"}), body);
    show_done(session, revoked,
              "revoked " + member_text(revoked, "revoked") + " credentials of " + id);
    return wait_for(session, [&] { return revocation_of(session, id, logins); });
}

int
restore_database(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    return hand_over(session, id, "POST", api_path({"databases", id, "restore"}),
                     Json(json_object()));
}

int
delete_database(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    const Json database = session.client.get(api_path({"databases", id}));
    const std::string &retain = session.option("retain");
    if (!may_destroy(session,
                     "Delete " + id + ", the database " + member_text(database, "database") +
                         " of " + member_text(database, "app_id") + "? It can be restored " +
                         (retain.empty() ? "for the host's retention." : "for " + retain + ".")))
        return exit_codes::refused;
    const Json deleted =
        session.client.call("DELETE", api_path({"databases", id}) + query_of({{"retain", retain}}));
    show_deleted(session, deleted, id);
    return wait_for(session, [&] { return deletion_of(session, id); });
}

} // namespace sidecar::cli::verbs
