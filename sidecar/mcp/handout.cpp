// See handout.hpp.
#include "mcp/handout.hpp"

#include <utility>

#include "base/text.hpp"
#include "platform/use_cases.hpp"

namespace sidecar
{
namespace
{

// What the tools that hand out credentials have in common.
struct Handout {
    std::string app;
    std::string user;
    Awaited awaited;
    Json answer; // of the use case
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
    const std::string variable =
        handout.awaited.variable.empty() ? "DATABASE_URL" : handout.awaited.variable;
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

} // namespace

void
set_text(const Json &object, const char *name, const std::string &text)
{
    json_object_set_new(object.get(), name, json_of(text).release());
}

std::string
text_of(const ToolCall &call, const char *name)
{
    return call.input.text(name).value_or("");
}

ToolResult
hand_out(const ToolCall &call, const use_cases::Answer &answer, Awaited awaited)
{
    auto handout = std::make_shared<Handout>(Handout{text_of(call, "app_id"), call.caller.user,
                                                     std::move(awaited), parse_json(answer.json)});
    if (!call.publishes)
        return secret_document(*handout);
    return [handout](Database &database, bool last) -> std::optional<Json> {
        const auto delivery =
            use_cases::delivery(database, string_member(handout->answer, "db_id").value_or(""),
                                handout->awaited.variable, handout->awaited.target);
        if (delivery.all_published)
            return published_document(*handout);
        if (delivery.failed || last)
            return unpublished_document(*handout, delivery);
        return std::nullopt;
    };
}

} // namespace sidecar
