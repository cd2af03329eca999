// See handout.hpp.
#include "cli/handout.hpp"

#include "base/text.hpp"
#include "cli/exit_codes.hpp"
#include "cli/wait.hpp"

namespace sidecar::cli::verbs
{
namespace
{

constexpr Column credential_columns[] = {
    {"LOGIN", "username"},
    {"ACCESS", "access"},
    {"STATE", "state"},
    {"VARIABLES", "variables", 2},
    {"MADE", "created_at", 5},
    {"FIRST LOGIN", "first_login_at", 6},
    {"VALID UNTIL", "valid_until", 3},
    {"REASON", "reason", 4},
};

} // namespace

void
show_handed_out(const Session &session, const Json &answer)
{
    if (session.json())
        return print_json(session, answer);
    const json_t *connection = json_object_get(answer.get(), "connection");
    session.terminal.note(member_text(answer, "db_id") + " is " + member_text(answer, "status") +
                          ": " + value_text(json_object_get(connection, "database")) + " at " +
                          value_text(json_object_get(connection, "host")) + ":" +
                          value_text(json_object_get(connection, "port")) + ", login " +
                          value_text(json_object_get(connection, "username")));
    const json_t *url = json_object_get(connection, "url");
    if (!json_is_string(url))
        return;
    session.terminal.note("what follows is shown this once");
    json_t *env = json_object_get(answer.get(), "env");
    const char *name = nullptr;
    json_t *value = nullptr;
    json_object_foreach(env, name, value)
    {
        session.terminal.print(clean_text(name) + "=" + value_text(value) + "\n");
    }
    if (env == nullptr)
        session.terminal.print(value_text(url) + "\n");
}

int
hand_over(const Session &session, const std::string &db_id, const char *method,
          const std::string &path, const Json &body)
{
    const bool publish = !session.is_on("no-publish");
    const json_int_t last = publish ? last_publication(session, db_id) : 0;
    put_flag(body, "publish", publish);
    show_handed_out(session, session.client.call(method, path, body));
    return publish ? wait_for_delivery(session, db_id, last) : exit_codes::done;
}

void
show_deleted(const Session &session, const Json &deleted, const std::string &id)
{
    show_done(session, deleted,
              id + " is " + member_text(deleted, "status") + ", restorable until " +
                  member_text(deleted, "restorable_until"));
}

Json
issued_credential(const Session &session, const std::string &db_id)
{
    const Json body(json_object());
    put_text(body, "access", session.option("access"));
    put_text(body, "valid_for", session.option("valid-for"));
    return session.client.call("POST", api_path({"databases", db_id, "credentials"}), body);
}

void
show_credentials(const Session &session, const Json &document)
{
    show_list(session, document, "credentials", {credential_columns, "it has no credentials"});
}

} // namespace sidecar::cli::verbs
