// See key_tools.hpp.
#include "mcp/key_tools.hpp"

#include <memory>
#include <utility>

#include "base/text.hpp"
#include "mcp/handout.hpp"
#include "platform/app_keys.hpp"
#include "platform/ownership.hpp"

namespace sidecar
{

const FieldRule add_key_fields[4] = {
    app_id_field,
    db_id_field,
    use_cases::key_fields[0],
    {"name", FieldKind::text, false, "what lists call it, where it is not published"},
};

const FieldRule list_keys_fields[2] = {app_id_field, db_id_field};

const FieldRule revoke_key_fields[4] = {
    app_id_field,
    db_id_field,
    {"key_id", FieldKind::text, true, "the key, as list_app_keys says it"},
    use_cases::reason_field,
};

namespace
{

// The database that a call of one of these tools names, once it is known to be the caller's.
std::string
keyed_database(Database &database, const ToolCall &call)
{
    std::string id = text_of(call, "db_id");
    use_cases::own(database, call.caller, id, call.input.text("app_id"));
    return id;
}

Json
key_document(const ToolCall &call, const use_cases::Answer &answer)
{
    Json document = parse_json(answer.json);
    set_text(document, "session_token", call.caller.user);
    return document;
}

// Says how far the delivery of a key is.
Json
delivered_document(const Json &key, const std::string &app, const use_cases::Delivery &delivery)
{
    Json document(json_deep_copy(key.get()));
    json_object_set_new(document.get(), "env_published", json_boolean(delivery.all_published));
    if (delivery.all_published) {
        set_text(document, "next",
                 "deploy_app(app_id='" + app +
                     "', vm_name=...) — the key is already in the app's env and will be injected "
                     "on the next deploy.");
        return document;
    }
    json_object_set_new(document.get(), "env_keys", json_array());
    json_object_set_new(document.get(), "publish_pending", json_boolean(!delivery.failed));
    if (delivery.failed)
        set_text(document, "publish_error", clean_text(delivery.error));
    set_text(document, "next",
             "list_app_publications(app_id='" + app + "', db_id='" +
                 string_member(key, "db_id").value_or("") + "') until it is published");
    return document;
}

// Nobody delivers: the caller gets the token, this once.
Json
token_document(Json document, const std::string &app)
{
    json_object_set_new(document.get(), "env_keys", json_array());
    json_object_set_new(document.get(), "env_published", json_false());
    set_text(document, "publish_skipped_reason", no_producer);
    set_text(document, "next",
             "set_app_env(app_id='" + app + "', set={'" + use_cases::key_variable +
                 "': <token>}) then deploy_app(...)");
    return document;
}

} // namespace

ToolResult
add_key_tool(Database &database, const ToolCall &call)
{
    const std::string id = keyed_database(database, call);
    const std::string app = text_of(call, "app_id");
    Json order(json_object());
    set_text(order, "role", text_of(call, "role"));
    if (const auto name = call.input.text("name"); name && !call.publishes)
        set_text(order, "name", *name);
    json_object_set_new(order.get(), "publish", json_boolean(call.publishes));
    const std::shared_ptr<const Json> key = std::make_shared<Json>(
        key_document(call, use_cases::add_key(database, call.caller, id,
                                              Input(order.get(), use_cases::key_fields))));
    if (!call.publishes)
        return token_document(Json(json_deep_copy(key->get())), app);
    return [key, id, app](Database &again, bool last) -> std::optional<Json> {
        const auto delivery =
            use_cases::key_delivery(again, id, string_member(*key, "key_id").value_or(""));
        if (delivery.all_published || delivery.failed || last)
            return delivered_document(*key, app, delivery);
        return std::nullopt;
    };
}

ToolResult
list_keys_tool(Database &database, const ToolCall &call)
{
    return key_document(
        call, use_cases::list_keys(database, call.caller, keyed_database(database, call)));
}

ToolResult
revoke_key_tool(Database &database, const ToolCall &call)
{
    return key_document(call,
                        use_cases::revoke_key(database, call.caller, keyed_database(database, call),
                                              text_of(call, "key_id"),
                                              call.input.part(use_cases::key_revocation_fields)));
}

} // namespace sidecar
