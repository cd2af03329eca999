// See tools.hpp.
#include "mcp/tools.hpp"

#include "base/text.hpp"
#include "platform/problem.hpp"
#include "platform/statuses.hpp"
#include "platform/use_cases.hpp"

namespace sidecar
{
namespace
{

constexpr const char *no_producer = "OPENFACTORY_DB_PRODUCER_TOKEN is not configured";

constexpr FieldRule app_id = {"app_id", FieldKind::text, true, "the app, such as app-12345678"};
constexpr FieldRule db_id = {"db_id", FieldKind::text, true,
                             "the database, such as db-a1b2c3d4e5f6"};

constexpr FieldRule add_fields[] = {
    app_id,
    {"engine", FieldKind::text, false, "\"postgres\", which is the default"},
    {"slug", FieldKind::text, false,
     "a DNS label to name the database by; if absent, the app's default one or made of app_id"},
};
constexpr FieldRule list_fields[] = {app_id};
constexpr FieldRule database_fields[] = {app_id, db_id};
constexpr FieldRule rotate_fields[] = {
    app_id,
    db_id,
    {"env_key", FieldKind::text, false, "the variable to renew; DATABASE_URL by default"},
};

void
set_text(const Json &object, const char *name, const std::string &text)
{
    json_object_set_new(object.get(), name, json_of(text).release());
}

// A DNS label made of an app's id.
std::string
slug_of(const std::string &app)
{
    std::string slug;
    for (const char c : app) {
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
        const bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
        slug += plain ? lower : '-';
    }
    if (slug.empty() || slug.front() < 'a' || slug.front() > 'z')
        slug = "app-" + slug;
    slug.resize(std::min<std::size_t>(slug.size(), 63));
    while (slug.ends_with('-'))
        slug.pop_back();
    return slug;
}

std::string
text_of(const ToolCall &call, const char *name)
{
    return call.input.text(name).value_or("");
}

// What the three tools that hand out credentials have in common.
struct Handout {
    std::string app;
    std::string user;
    std::string variable; // asked for; empty: all of them
    Json answer;          // of the use case
};

Json
base_document(const Handout &handout)
{
    Json document(json_object());
    set_text(document, "db_id", string_member(handout.answer, "db_id").value_or(""));
    set_text(document, "status", string_member(handout.answer, "status").value_or(""));
    set_text(document, "engine", "postgres");
    set_text(document, "session_token", handout.user);
    return document;
}

std::string
joined_keys(const json_t *keys)
{
    std::string text;
    std::size_t index;
    json_t *key;
    json_array_foreach(keys, index, key) text +=
        (text.empty() ? "" : ", ") + std::string(json_string_value(key));
    return text;
}

// The variables have reached the producer: the answer has no secret.
Json
published_document(const Handout &handout)
{
    Json document = base_document(handout);
    json_t *keys = json_object_get(handout.answer.get(), "env_keys");
    json_object_set(document.get(), "env_keys", keys);
    json_object_set_new(document.get(), "env_published", json_true());
    const bool one = json_array_size(keys) == 1;
    set_text(document, "next",
             "deploy_app(app_id='" + handout.app + "', vm_name=...) — " + joined_keys(keys) +
                 (one ? " is" : " are") +
                 " already in the app's env and will be injected on the next deploy.");
    return document;
}

// They have not reached it, or not yet: the answer has no secret either.
Json
unpublished_document(const Handout &handout, const use_cases::Delivery &delivery)
{
    Json document = base_document(handout);
    json_object_set_new(document.get(), "env_keys", json_array());
    json_object_set_new(document.get(), "env_published", json_false());
    json_object_set_new(document.get(), "publish_pending", json_boolean(!delivery.failed));
    if (delivery.failed)
        set_text(document, "publish_error", clean_text(delivery.error));
    set_text(document, "next",
             "check_app_database(app_id='" + handout.app + "', db_id='" +
                 string_member(handout.answer, "db_id").value_or("") +
                 "') until its publication is published" +
                 (delivery.failed ? "; an administrator has to mend the producer and retry it."
                                  : ", then deploy_app(...)."));
    return document;
}

// Nobody delivers: the caller gets the DSN, this once.
Json
secret_document(const Handout &handout)
{
    Json document = base_document(handout);
    const json_t *connection = json_object_get(handout.answer.get(), "connection");
    const std::string variable = handout.variable.empty() ? "DATABASE_URL" : handout.variable;
    json_object_set_new(document.get(), "env_keys", json_array());
    json_object_set_new(document.get(), "env_published", json_false());
    json_object_set(document.get(), "connection_url", json_object_get(connection, "url"));
    if (json_t *env = json_object_get(handout.answer.get(), "env"))
        json_object_set(document.get(), "env", env);
    set_text(document, "publish_skipped_reason", no_producer);
    set_text(document, "next",
             "set_app_env(app_id='" + handout.app + "', set={'" + variable +
                 "': <connection_url>}) then deploy_app(...)");
    return document;
}

// The result of a tool that made credentials: at once, or when the producer has them.
ToolResult
hand_out(const ToolCall &call, const use_cases::Answer &answer, const std::string &variable)
{
    auto handout = std::make_shared<Handout>(
        Handout{text_of(call, "app_id"), call.caller.user, variable, parse_json(answer.json)});
    if (!call.publishes)
        return secret_document(*handout);
    return [handout](Database &database, bool last) -> std::optional<Json> {
        const auto delivery = use_cases::delivery(
            database, string_member(handout->answer, "db_id").value_or(""), handout->variable);
        if (delivery.all_published)
            return published_document(*handout);
        if (delivery.failed || last)
            return unpublished_document(*handout, delivery);
        return std::nullopt;
    };
}

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

ToolResult
add(Database &database, const ToolCall &call)
{
    const std::string app = text_of(call, "app_id");
    return hand_out(call,
                    use_cases::provision(database, call.caller,
                                         input_of({{"app_id", app},
                                                   {"slug", text_of(call, "slug")},
                                                   {"engine", text_of(call, "engine")}},
                                                  call.publishes, use_cases::provision_fields),
                                         slug_of(app)),
                    "");
}

ToolResult
list(Database &database, const ToolCall &call)
{
    const Json object(json_object());
    set_text(object, "app_id", text_of(call, "app_id"));
    set_text(object, "limit", "500");
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
                    variable);
}

ToolResult
restore(Database &database, const ToolCall &call)
{
    const std::string id = text_of(call, "db_id");
    use_cases::own(database, call.caller, id, call.input.text("app_id"));
    return hand_out(call,
                    use_cases::restore(database, call.caller, id,
                                       input_of({}, call.publishes, use_cases::restore_fields)),
                    "");
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
     "Provisions a managed PostgreSQL database for an app and has DATABASE_URL put into the app's "
     "environment. The app gets it with its next deploy.",
     add_fields, false, false, false, add},
    {"list_app_databases", "List an app's databases",
     "Lists the databases of an app: metadata only, no passwords.", list_fields, true, false, true,
     list},
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
     "Says what is open in a database (exposures), and how its credentials and their publications "
     "stand. No secrets.",
     database_fields, true, false, true, check},
};

} // namespace

std::span<const Tool>
tools()
{
    return all_tools;
}

} // namespace sidecar
