// The verbs of buckets.
#include "base/failure.hpp"
#include "cli/exit_codes.hpp"
#include "cli/handout.hpp"
#include "cli/names.hpp"
#include "cli/verbs.hpp"

namespace sidecar::cli::verbs
{
namespace
{

constexpr Column bucket_columns[] = {
    {"BUCKET", "bucket_id"},   {"APP", "app_id"},
    {"SLUG", "slug", 2},       {"NAME", "bucket_name", 4},
    {"STATUS", "status"},      {"BYTES", "bytes", 1},
    {"QUOTA", "quota", 3},     {"OWNER", "owner_user_id", 5},
    {"MADE", "created_at", 6},
};

constexpr Column bucket_members[] = {
    {"bucket", "bucket_id"}, {"app", "app_id"},       {"owner", "owner_user_id"},
    {"slug", "slug"},        {"name", "bucket_name"}, {"endpoint", "endpoint_url"},
    {"region", "region"},    {"key", "access_key"},   {"variables", "env_keys"},
    {"status", "status"},    {"notes", "notes"},      {"quota", "quota"},
    {"objects", "objects"},  {"bytes", "bytes"},      {"made", "created_at"},
};

// Shows what was made of a bucket; its variables, once, when they are not delivered.
int
show_made(const Session &session, const Json &answer)
{
    if (session.json()) {
        print_json(session, answer);
        return exit_codes::done;
    }
    session.terminal.note(
        member_text(answer, "bucket_id") + " is " + member_text(answer, "status") + ": " +
        member_text(answer, "bucket_name") + " at " + member_text(answer, "endpoint_url"));
    json_t *payload = json_object_get(answer.get(), "env_payload");
    if (payload != nullptr)
        session.terminal.note("what follows is shown this once");
    const char *name = nullptr;
    json_t *value = nullptr;
    json_object_foreach(payload, name, value)
    {
        session.terminal.print(std::string(name) + "=" + value_text(value) + "\n");
    }
    return exit_codes::done;
}

std::string
path_of_bucket(const std::string &id, const char *verb)
{
    return api_path({"buckets", id, verb});
}

json_t *
number_in(const std::string &text)
{
    if (text.empty() || text.size() > 18 ||
        text.find_first_not_of("0123456789") != std::string::npos)
        refuse("a quota is a number of bytes");
    return json_integer(std::stoll(text));
}

} // namespace

int
create_bucket(const Session &session)
{
    const Json body(json_object());
    put_text(body, "app_id", session.operand(0));
    put_text(body, "owner_user_id", session.option("owner"));
    put_text(body, "slug", session.option("slug"));
    put_text(body, "idempotency_key", session.option("idempotency-key"));
    if (!session.option("quota").empty())
        json_object_set_new(body.get(), "quota", number_in(session.option("quota")));
    put_flag(body, "publish", !session.is_on("no-publish"));
    return show_made(session, session.client.call("POST", api_path({"buckets"}), body));
}

int
list_buckets(const Session &session)
{
    const std::string path = api_path({"buckets"}) + query_of({{"app_id", session.option("app")}});
    show_list(session, session.client.pages(path, "buckets"), "buckets",
              {bucket_columns, "there are no buckets"});
    return exit_codes::done;
}

int
show_bucket(const Session &session)
{
    const std::string id = bucket_named(session.client, session.operand(0));
    show_members(session, session.client.get(api_path({"buckets", id})), bucket_members);
    return exit_codes::done;
}

int
rotate_bucket(const Session &session)
{
    const std::string id = bucket_named(session.client, session.operand(0));
    const Json body(json_object());
    put_text(body, "deadline", session.option("deadline"));
    put_flag(body, "publish", !session.is_on("no-publish"));
    return show_made(session, session.client.call("POST", path_of_bucket(id, "rotate"), body));
}

int
revoke_bucket(const Session &session)
{
    const std::string id = bucket_named(session.client, session.operand(0));
    if (!may_destroy(session, "Revoke every key of " + id + "?"))
        return exit_codes::refused;
    const Json body(json_object());
    put_text(body, "reason", session.option("reason"));
    const Json revoked = session.client.call("POST", path_of_bucket(id, "revoke"), body);
    show_done(session, revoked, "revoked " + member_text(revoked, "revoked") + " keys of " + id);
    return exit_codes::done;
}

int
restore_bucket(const Session &session)
{
    const std::string id = bucket_named(session.client, session.operand(0));
    const Json body(json_object());
    put_flag(body, "publish", !session.is_on("no-publish"));
    return show_made(session, session.client.call("POST", path_of_bucket(id, "restore"), body));
}

int
delete_bucket(const Session &session)
{
    const std::string id = bucket_named(session.client, session.operand(0));
    const std::string &retain = session.option("retain");
    if (!may_destroy(session,
                     "Delete the bucket " + id + "? It can be restored " +
                         (retain.empty() ? "for the host's retention." : "for " + retain + ".")))
        return exit_codes::refused;
    const Json deleted =
        session.client.call("DELETE", api_path({"buckets", id}) + query_of({{"retain", retain}}));
    show_deleted(session, deleted, id);
    return exit_codes::done;
}

int
limit_bucket(const Session &session)
{
    const std::string id = bucket_named(session.client, session.operand(0));
    const Json body(json_object());
    json_object_set_new(body.get(), "quota", number_in(session.operand(1)));
    show_members(session, session.client.call("PATCH", api_path({"buckets", id}), body),
                 bucket_members);
    return exit_codes::done;
}

} // namespace sidecar::cli::verbs
