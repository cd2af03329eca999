// The verbs of API keys. Their columns are those of `appinfrad list-keys`.
#include "cli/exit_codes.hpp"
#include "cli/names.hpp"
#include "cli/verbs.hpp"

namespace sidecar::cli::verbs
{
namespace
{

constexpr Column key_columns[] = {
    {"KEY_ID", "key_id"}, {"DB_ID", "db_id", 4},    {"ROLE", "role"},    {"ENV", "env", 2},
    {"STATUS", "status"}, {"END", "expires_at", 1}, {"NAME", "name", 3},
};

// Says in each key of which database it is, as the other list does.
void
say_database(const Json &document, const std::string &id)
{
    std::size_t index = 0;
    json_t *one = nullptr;
    json_array_foreach(json_object_get(document.get(), "keys"), index, one)
    {
        json_object_set_new(one, "db_id", json_string(id.c_str()));
    }
}

} // namespace

int
mint_key(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    const bool publish = !session.is_on("no-publish");
    const Json body(json_object());
    put_text(body, "role", session.option("role"));
    put_text(body, "name", session.option("name"));
    put_text(body, "env", session.line.flags.contains("key-env") ? session.option("key-env") : "");
    put_text(body, "valid_for", session.option("ends-after"));
    put_flag(body, "publish", publish);
    const Json minted = session.client.call("POST", api_path({"databases", id, "keys"}), body);
    if (session.json()) {
        print_json(session, minted);
        return exit_codes::done;
    }
    const std::string key = "key " + member_text(minted, "key_id");
    session.terminal.note(publish ? key + " is delivered in " + member_text(minted, "env_keys")
                                  : key + "; it is shown this once");
    if (!publish)
        session.terminal.print(member_text(minted, "token") + "\n");
    return exit_codes::done;
}

int
list_keys(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    const Json keys = session.client.get(api_path({"databases", id, "keys"}));
    say_database(keys, id);
    show_list(session, keys, "keys", {key_columns, "there are no keys"});
    return exit_codes::done;
}

int
revoke_key(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    const std::string &key = session.operand(1);
    if (!may_destroy(session, "Revoke the key " + key + "?"))
        return exit_codes::refused;
    const Json revoked =
        session.client.call("DELETE", api_path({"databases", id, "keys", key}) +
                                          query_of({{"reason", session.option("reason")}}));
    show_done(session, revoked, "revoked " + key);
    return exit_codes::done;
}

} // namespace sidecar::cli::verbs
