// See bucket_tools.hpp.
#include "mcp/bucket_tools.hpp"

#include <memory>
#include <utility>

#include "base/text.hpp"
#include "mcp/access_tools.hpp"
#include "mcp/handout.hpp"
#include "platform/buckets.hpp"
#include "platform/statuses.hpp"

namespace sidecar
{

const FieldRule add_bucket_fields[4] = {
    app_id_field,
    {"slug", FieldKind::text, false,
     "a DNS label that the bucket's name begins with; the app's default one, or made of app_id"},
    {"env_prefix", FieldKind::text, false,
     "what the five variables begin with; OF_S3 by default: an app's second bucket that is to be "
     "used beside the first needs another"},
    {"idempotency_key", FieldKind::text, false,
     "your own name for this request: a repetition gets the same bucket"},
};

const FieldRule list_bucket_tool_fields[3] = {
    app_id_field,
    {"limit", FieldKind::count, false, "how many; 500 by default", nullptr, 1, 500},
    {"cursor", FieldKind::text, false, "next_cursor of the call before"},
};

const FieldRule bucket_fields[2] = {
    app_id_field,
    {"bucket_id", FieldKind::text, true, "the bucket, such as buk-0123456789abc"},
};

namespace
{

constexpr const char *no_storage_producer =
    "OPENFACTORY_STORAGE_PRODUCER_TOKEN is not configured; call set_app_env(app_id, "
    "set=<env_payload from this response>) to inject manually.";

// The bucket that a call names, once it is known to be the caller's and the app's.
std::string
bucket_of(Database &database, const ToolCall &call)
{
    std::string id = text_of(call, "bucket_id");
    use_cases::own_bucket(database, call.caller, id, call.input.text("app_id"));
    return id;
}

// Who asked for what, for as long as the answer takes.
struct Asked {
    std::string app;
    Caller caller;
};

// What every answer about a key begins with.
Json
bucket_document(const Asked &asked, const Json &bucket)
{
    Json document(json_object());
    for (const char *name : {"bucket_id", "bucket_name", "endpoint_url", "access_key", "region",
                             "status", "replaced_bucket_id"})
        if (json_t *value = json_object_get(bucket.get(), name))
            json_object_set(document.get(), name, value);
    json_object_set_new(document.get(), "env_keys", json_array());
    set_text(document, "session_token", asked.caller.user);
    return document;
}

// The variables have reached the producer.
Json
delivered_bucket(const Asked &asked, const Json &bucket)
{
    Json document = bucket_document(asked, bucket);
    json_object_set(document.get(), "env_keys", json_object_get(bucket.get(), "env_keys"));
    json_object_set_new(document.get(), "env_published", json_true());
    set_text(document, "next",
             "deploy_app(app_id='" + asked.app +
                 "', vm_name=...) — the variables are already in the app's env and will be "
                 "injected on the next deploy.");
    return document;
}

// They have not reached it, or not yet.
Json
undelivered_bucket(const Asked &asked, const Json &bucket, const use_cases::Delivery &delivery)
{
    Json document = bucket_document(asked, bucket);
    json_object_set_new(document.get(), "env_published", json_false());
    json_object_set_new(document.get(), "publish_pending", json_boolean(!delivery.failed));
    if (delivery.failed)
        set_text(document, "publish_error", clean_text(delivery.error));
    set_text(document, "next",
             "check_app_bucket(app_id='" + asked.app + "', bucket_id='" +
                 string_member(bucket, "bucket_id").value_or("") +
                 "') until its publication is published" +
                 (delivery.failed ? "; an administrator has to mend it and retry it."
                                  : ", then deploy_app(...)."));
    return document;
}

// Nobody delivers: the caller gets the secret, this once.
Json
handed_out_bucket(const Asked &asked, const Json &bucket)
{
    Json document = bucket_document(asked, bucket);
    json_object_set_new(document.get(), "env_published", json_false());
    for (const char *name : {"secret_key", "env_payload"})
        if (json_t *value = json_object_get(bucket.get(), name))
            json_object_set(document.get(), name, value);
    set_text(document, "publish_skipped_reason", no_storage_producer);
    set_text(document, "next",
             "set_app_env(app_id='" + asked.app +
                 "', set=<env_payload from this response>) then deploy_app(...)");
    return document;
}

// Input of a use case, of a call's own fields and whether it is to be published.
Input
input_with_publish(const ToolCall &call, std::initializer_list<const char *> names, Fieldset fields)
{
    const Json object(json_object());
    for (const char *name : names)
        if (const auto text = call.input.text(name))
            set_text(object, name, *text);
    json_object_set_new(object.get(), "publish", json_boolean(call.publishes_buckets));
    return Input(object.get(), fields);
}

// The result of a tool that made a key: at once, or when the producer has the variables.
ToolResult
bucket_result(const ToolCall &call, use_cases::BucketRun run)
{
    const Asked asked{text_of(call, "app_id"), call.caller};
    if (!call.publishes_buckets) {
        if (const auto *answer = std::get_if<use_cases::Answer>(&run))
            return handed_out_bucket(asked, parse_json(answer->json));
        return [asked, poll = std::get<use_cases::BucketPoll>(std::move(run))](
                   Database &database, bool last) -> std::optional<Json> {
            const auto answer = poll(database, last);
            if (!answer)
                return std::nullopt;
            return handed_out_bucket(asked, parse_json(answer->json));
        };
    }
    // What was asked for is in the registry; the delivery tells the rest.
    return [asked, run = std::make_shared<use_cases::BucketRun>(std::move(run))](
               Database &database, bool last) -> std::optional<Json> {
        if (auto *poll = std::get_if<use_cases::BucketPoll>(run.get())) {
            auto answer = (*poll)(database, last);
            if (!answer)
                return std::nullopt;
            *run = std::move(*answer);
        }
        const Json begun = parse_json(std::get<use_cases::Answer>(*run).json);
        const std::string id = string_member(begun, "bucket_id").value_or("");
        const auto delivery = use_cases::bucket_delivery(database, id);
        if (!delivery.all_published && !delivery.failed && !last)
            return std::nullopt;
        Json bucket = parse_json(use_cases::get_bucket(database, asked.caller, id).json);
        if (json_t *replaced = json_object_get(begun.get(), "replaced_bucket_id"))
            json_object_set(bucket.get(), "replaced_bucket_id", replaced);
        return delivery.all_published ? delivered_bucket(asked, bucket)
                                      : undelivered_bucket(asked, bucket, delivery);
    };
}

Json
document_with_session(const ToolCall &call, const use_cases::Answer &answer)
{
    Json document = parse_json(answer.json);
    set_text(document, "session_token", call.caller.user);
    return document;
}

} // namespace

ToolResult
add_bucket_tool(Database &database, const ToolCall &call)
{
    return bucket_result(
        call, use_cases::provision_bucket(
                  database, call.caller,
                  input_with_publish(call, {"app_id", "slug", "env_prefix", "idempotency_key"},
                                     use_cases::provision_bucket_fields),
                  call.store));
}

ToolResult
list_buckets_tool(Database &database, const ToolCall &call)
{
    const Json object(json_object());
    for (const char *name : {"app_id", "cursor"})
        if (const auto text = call.input.text(name))
            set_text(object, name, *text);
    json_object_set_new(object.get(), "limit",
                        json_integer(call.input.count("limit").value_or(500)));
    return document_with_session(
        call, use_cases::list_buckets(database, call.caller,
                                      Input(object.get(), use_cases::bucket_list_fields)));
}

ToolResult
rotate_bucket_tool(Database &database, const ToolCall &call)
{
    const std::string id = bucket_of(database, call);
    return bucket_result(call, use_cases::rotate_bucket(
                                   database, call.caller, id,
                                   input_with_publish(call, {}, use_cases::rotate_bucket_fields),
                                   call.store));
}

ToolResult
restore_bucket_tool(Database &database, const ToolCall &call)
{
    const std::string id = bucket_of(database, call);
    return bucket_result(call, use_cases::restore_bucket(
                                   database, call.caller, id,
                                   input_with_publish(call, {}, use_cases::restore_bucket_fields),
                                   call.store));
}

ToolResult
remove_bucket_tool(Database &database, const ToolCall &call)
{
    const std::string id = bucket_of(database, call);
    use_cases::remove_bucket(database, call.caller, id, Input());
    const std::string user = call.caller.user;
    // Its keys go first.
    return [id, user](Database &again, bool last) -> std::optional<Json> {
        Json document = parse_json(use_cases::bucket_retention(again, id).json);
        if (string_member(document, "status") == text_of(BucketStatus::retiring) && !last)
            return std::nullopt;
        set_text(document, "session_token", user);
        return document;
    };
}

ToolResult
check_bucket_tool(Database &database, const ToolCall &call)
{
    const std::string id = bucket_of(database, call);
    return document_with_session(call, use_cases::check_bucket(database, call.caller, id));
}

} // namespace sidecar
