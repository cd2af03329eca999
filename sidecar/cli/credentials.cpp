// The verbs of credentials, which are logins.
#include "cli/exit_codes.hpp"
#include "cli/handout.hpp"
#include "cli/names.hpp"
#include "cli/revocation.hpp"
#include "cli/verbs.hpp"

namespace sidecar::cli::verbs
{

int
list_credentials(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    show_credentials(session, session.client.get(api_path({"databases", id, "credentials"})));
    return exit_codes::done;
}

int
issue_credential(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    show_handed_out(session, issued_credential(session, id));
    return exit_codes::done;
}

int
revoke_credential(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    const std::string &login = session.operand(1);
    if (!may_destroy(session, "Revoke " + login + "? Its sessions are ended."))
        return exit_codes::refused;
    const Json revoked =
        session.client.call("DELETE", api_path({"databases", id, "credentials", login}) +
                                          query_of({{"reason", session.option("reason")}}));
    show_done(session, revoked, "revoked " + login);
    return wait_for(session, [&] { return revocation_of(session, id, {login}); });
}

} // namespace sidecar::cli::verbs
