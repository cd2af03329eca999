// The verbs of apps: whose each is. For administrators.
#include "cli/exit_codes.hpp"
#include "cli/verbs.hpp"

namespace sidecar::cli::verbs
{
namespace
{

constexpr Column app_columns[] = {
    {"APP", "app_id"},          {"OWNER", "owner_user_id"},      {"SLUG", "slug", 1},
    {"DATABASES", "databases"}, {"REGISTERED", "created_at", 2},
};

} // namespace

int
list_apps(const Session &session)
{
    const std::string path =
        api_path({"apps"}) + query_of({{"owner_user_id", session.option("owner")}});
    show_list(session, session.client.pages(path, "apps"), "apps",
              {app_columns, "no app is registered"});
    return exit_codes::done;
}

int
show_app(const Session &session)
{
    show_members(session, session.client.get(api_path({"apps", session.operand(0)})), app_columns);
    return exit_codes::done;
}

int
register_app(const Session &session)
{
    const Json body(json_object());
    put_text(body, "owner_user_id", session.operand(1));
    put_text(body, "slug", session.option("slug"));
    show_members(session, session.client.call("PUT", api_path({"apps", session.operand(0)}), body),
                 app_columns);
    return exit_codes::done;
}

int
unregister_app(const Session &session)
{
    const std::string &app = session.operand(0);
    if (!may_destroy(session, "Forget whose the app " + app + " is?"))
        return exit_codes::refused;
    show_members(session, session.client.call("DELETE", api_path({"apps", app})), app_columns);
    return exit_codes::done;
}

int
transfer_app(const Session &session)
{
    const Json body(json_object());
    put_text(body, "owner_user_id", session.operand(1));
    show_members(
        session,
        session.client.call("POST", api_path({"apps", session.operand(0), "transfer"}), body),
        app_columns);
    return exit_codes::done;
}

} // namespace sidecar::cli::verbs
