// The verbs of the variables that carry DSNs.
#include "cli/exit_codes.hpp"
#include "cli/handout.hpp"
#include "cli/names.hpp"
#include "cli/verbs.hpp"
#include "cli/wait.hpp"

namespace sidecar::cli::verbs
{
namespace
{

// Says whose environment is meant, where it is not the app's own.
void
put_target(const Session &session, const Json &body)
{
    put_text(body, "app_id", session.option("to-app"));
    put_text(body, "container", session.option("container"));
}

} // namespace

int
rotate_variable(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    const Json body(json_object());
    put_text(body, "env_key", session.option("variable"));
    put_text(body, "grace", session.option("grace"));
    put_text(body, "deadline", session.option("deadline"));
    put_target(session, body);
    return hand_over(session, id, "POST", api_path({"databases", id, "rotate"}), body);
}

int
bind_variables(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    Json env(json_object());
    for (std::size_t at = 1; at < session.line.operands.size(); at++) {
        const std::string &pair = session.operand(at);
        const std::size_t equals = pair.find('=');
        put_text(env, pair.substr(0, equals).c_str(),
                 equals == std::string::npos ? "owner" : pair.substr(equals + 1));
    }
    const Json body(json_object());
    json_object_set_new(body.get(), "env", env.release());
    put_target(session, body);
    return hand_over(session, id, "PUT", api_path({"databases", id, "variables"}), body);
}

int
unbind_variables(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    std::string names;
    for (std::size_t at = 1; at < session.line.operands.size(); at++)
        names += (names.empty() ? "" : ",") + session.operand(at);
    if (!may_destroy(session, "Take " + names + " away, and revoke what is in there?"))
        return exit_codes::refused;
    const json_int_t last = last_publication(session, id);
    const Json unbound =
        session.client.call("DELETE", api_path({"databases", id, "variables"}) +
                                          query_of({{"variables", names},
                                                    {"app_id", session.option("to-app")},
                                                    {"container", session.option("container")}}));
    show_done(session, unbound, "unbound " + member_text(unbound, "unbound"));
    return wait_for_delivery(session, id, last);
}

} // namespace sidecar::cli::verbs
