// See tools.hpp.
#include "mcp/tools.hpp"

#include "mcp/access_tools.hpp"
#include "mcp/bucket_tools.hpp"
#include "mcp/handout.hpp"
#include "mcp/key_tools.hpp"
#include "platform/ownership.hpp"
#include "platform/problem.hpp"
#include "platform/statuses.hpp"
#include "platform/use_cases.hpp"

namespace sidecar
{
namespace
{

constexpr FieldRule add_fields[] = {
    app_id_field,
    {"engine", FieldKind::text, false, "\"postgres\", which is the default"},
    {"slug", FieldKind::text, false,
     "a DNS label to name the database by; if absent, the app's default one or made of app_id"},
    {"env_key", FieldKind::text, false,
     "the variable, when it is one and not DATABASE_URL: an app's second database needs another"},
    {"env", FieldKind::object, false,
     "variables and their access, instead of env_key; {\"DATABASE_URL\": \"owner\"} by default",
     use_cases::env_shape},
    {"expires", FieldKind::time, false,
     "for tests and previews: after what time it is removed by itself, such as 12h; never if "
     "absent"},
};
constexpr FieldRule list_fields[] = {
    {"app_id", FieldKind::text, false, "only the databases of this app; all of yours if absent"},
    {"limit", FieldKind::count, false, "how many; 500 by default", nullptr, 1, 500},
    {"cursor", FieldKind::text, false, "next_cursor of the call before"},
};
constexpr FieldRule database_fields[] = {app_id_field, db_id_field};
constexpr FieldRule rotate_fields[] = {
    app_id_field,
    db_id_field,
    {"env_key", FieldKind::text, false, "the variable to renew; DATABASE_URL by default"},
};

// Input of a use case.
Input
input_of(std::initializer_list<std::pair<const char *, std::string>> texts, bool publish,
         Fieldset fields)
{
    const Json object(json_object());
    for (const auto &[name, text] : texts)
        if (!text.empty())
            set_text(object, name, text);
    json_object_set_new(object.get(), "publish", json_boolean(publish));
    return Input(object.get(), fields);
}

// What a new database is asked for.
Json
order_of(const ToolCall &call)
{
    Json order(json_object());
    const auto key = call.input.text("env_key");
    const auto env = call.input.document("env");
    if (key && env)
        throw invalid_field("fields \"env_key\" and \"env\" exclude each other");
    for (const char *name : {"app_id", "slug", "engine", "expires"})
        if (const auto text = call.input.text(name))
            set_text(order, name, *text);
    if (env)
        json_object_set_new(order.get(), "env", parse_json(*env).release());
    if (key) {
        Json one(json_object());
        set_text(one, key->c_str(), "owner");
        json_object_set_new(order.get(), "env", one.release());
    }
    json_object_set_new(order.get(), "publish", json_boolean(call.publishes));
    return order;
}

ToolResult
add(Database &database, const ToolCall &call)
{
    const Json order = order_of(call);
    return hand_out(call,
                    use_cases::provision(database, call.caller,
                                         Input(order.get(), use_cases::provision_fields),
                                         use_cases::slug_of(text_of(call, "app_id"))),
                    {call.input.text("env_key").value_or(""), ""});
}

ToolResult
list(Database &database, const ToolCall &call)
{
    const Json object(json_object());
    for (const char *name : {"app_id", "cursor"})
        if (const auto text = call.input.text(name))
            set_text(object, name, *text);
    json_object_set_new(object.get(), "limit",
                        json_integer(call.input.count("limit").value_or(500)));
    const auto answer =
        use_cases::list(database, call.caller, Input(object.get(), use_cases::list_fields));
    Json document = parse_json(answer.json);
    set_text(document, "session_token", call.caller.user);
    return document;
}

ToolResult
rotate(Database &database, const ToolCall &call)
{
    const std::string id = text_of(call, "db_id");
    use_cases::own(database, call.caller, id, call.input.text("app_id"));
    const std::string variable = call.input.text("env_key").value_or("DATABASE_URL");
    return hand_out(call,
                    use_cases::rotate(database, call.caller, id,
                                      input_of({{"env_key", variable}}, call.publishes,
                                               use_cases::rotate_fields)),
                    {variable, ""});
}

ToolResult
restore(Database &database, const ToolCall &call)
{
    const std::string id = text_of(call, "db_id");
    use_cases::own(database, call.caller, id, call.input.text("app_id"));
    return hand_out(call,
                    use_cases::restore(database, call.caller, id,
                                       input_of({}, call.publishes, use_cases::restore_fields)),
                    {});
}

ToolResult
remove(Database &database, const ToolCall &call)
{
    const std::string id = text_of(call, "db_id");
    use_cases::own(database, call.caller, id, call.input.text("app_id"));
    use_cases::remove(database, call.caller, id, Input());
    const std::string user = call.caller.user;
    // Its sessions are ended first.
    return [id, user](Database &again, bool last) -> std::optional<Json> {
        Json document = parse_json(use_cases::retention(again, id).json);
        if (string_member(document, "status") == text_of(DatabaseStatus::retiring) && !last)
            return std::nullopt;
        set_text(document, "session_token", user);
        return document;
    };
}

ToolResult
check(Database &database, const ToolCall &call)
{
    const std::string id = text_of(call, "db_id");
    use_cases::own(database, call.caller, id, call.input.text("app_id"));
    Json document = parse_json(use_cases::check(database, call.caller, id).json);
    set_text(document, "session_token", call.caller.user);
    return document;
}

constexpr Tool all_tools[] = {
    {"add_app_database", "Add a database to an app",
     "Provisions a managed PostgreSQL database for an app and has DATABASE_URL (or the variables "
     "that "
     "env_key or env names) put into the app's environment. The app gets it with its next deploy.",
     add_fields, false, false, false, add},
    {"list_app_databases", "List databases",
     "Lists the databases of an app, or all of yours: metadata only, no passwords. next_cursor "
     "says "
     "that there are more.",
     list_fields, true, false, true, list},
    {"rotate_app_database", "Renew a credential",
     "Makes a new credential for a variable of the app and has it published. The old one goes on "
     "working until the app has used the new one and an hour has passed.",
     rotate_fields, false, false, false, rotate},
    {"remove_app_database", "Remove a database",
     "Revokes every credential and takes the variables out of the app's environment. The data is "
     "kept for a while, and restore_app_database brings it back until then.",
     database_fields, false, true, true, remove},
    {"restore_app_database", "Restore a database",
     "Brings a removed or revoked database back, with new credentials.", database_fields, false,
     false, false, restore},
    {"check_app_database", "Check a database",
     "Says how large a database is (size, in bytes), what is open in it (exposures), and how its "
     "credentials and their publications stand. No secrets.",
     database_fields, true, false, true, check},
    {"list_app_publications", "List deliveries",
     "Lists the deliveries of a database's variables to the app's environment, the newest first: "
     "status, attempts, errors. No secrets.",
     publication_tool_fields, true, false, true, list_publications_tool},
    {"retry_app_publication", "Retry a delivery",
     "Sends a failed delivery once more, when what made it fail is mended.", retry_tool_fields,
     false, false, false, retry_publication_tool},
    {"revoke_app_credential", "Revoke a credential",
     "Revokes one login of a database: it logs in no more, and its sessions are ended. "
     "check_app_database lists them. An app whose credential this is loses its database until "
     "rotate_app_database.",
     revoke_tool_fields, false, true, false, revoke_credential_tool},
    {"add_app_key", "Add an API key",
     "Makes an API key with which an agent without a database connection runs SQL over HTTP in a "
     "database, and has AGENTCOOPDB_GATEWAY_URL and AGENTCOOPDB_API_KEY put into the app's "
     "environment.",
     add_key_fields, false, false, false, add_key_tool},
    {"list_app_keys", "List API keys",
     "Lists the API keys of a database: roles, times, when they were last used. No tokens.",
     list_keys_fields, true, false, true, list_keys_tool},
    {"revoke_app_key", "Revoke an API key",
     "Revokes an API key of a database: no call of it begins any more.", revoke_key_fields, false,
     true, false, revoke_key_tool},
    {"set_app_services", "Say which services have a user",
     "Gives a database the users of these services and no others: what is missing is made and "
     "published, what is not listed is dropped at once.",
     services_tool_fields, false, true, true, set_services_tool},
    {"rotate_app_service", "Renew a service's credential",
     "Makes a new credential for a service and has it published. The old one goes on working until "
     "the service has used the new one and an hour has passed.",
     service_tool_fields, false, false, false, rotate_service_tool},
    {"add_app_bucket", "Add a bucket to an app",
     "Makes a bucket of object storage (S3) for an app and has its five variables (OF_S3_ENDPOINT, "
     "OF_S3_BUCKET, OF_S3_ACCESS_KEY, OF_S3_SECRET_KEY, OF_S3_REGION) put into the app's "
     "environment. The app gets them with its next deploy. A further bucket takes the variables "
     "over unless it has another env_prefix.",
     add_bucket_fields, false, false, false, add_bucket_tool},
    {"list_app_buckets", "List buckets",
     "Lists the buckets of an app: metadata only, no secrets. next_cursor says that there are "
     "more.",
     list_bucket_tool_fields, true, false, true, list_buckets_tool},
    {"rotate_app_bucket", "Renew a bucket's key",
     "Makes a new key for a bucket and has it published. The old one goes on working for seven "
     "days.",
     bucket_fields, false, false, false, rotate_bucket_tool},
    {"remove_app_bucket", "Remove a bucket",
     "Revokes every key of a bucket and takes its variables out of the app's environment. The "
     "objects are kept for a while, and restore_app_bucket brings them back until then.",
     bucket_fields, false, true, true, remove_bucket_tool},
    {"restore_app_bucket", "Restore a bucket",
     "Brings a removed or revoked bucket back, with its objects and a new key.", bucket_fields,
     false, false, false, restore_bucket_tool},
    {"check_app_bucket", "Check a bucket",
     "Says how a bucket, its keys and their publications stand. No secrets.", bucket_fields, true,
     false, true, check_bucket_tool},
};

} // namespace

std::span<const Tool>
tools()
{
    return all_tools;
}

} // namespace sidecar
