// See buckets.hpp.
#include "platform/buckets.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "platform/apps.hpp"
#include "platform/bucket_sql.hpp"
#include "platform/guests.hpp"
#include "platform/ownership.hpp"
#include "platform/problem.hpp"
#include "platform/statuses.hpp"

namespace sidecar::use_cases
{

const FieldRule provision_bucket_fields[7] = {
    {"app_id", FieldKind::text, true, "the app the bucket is for"},
    {"owner_user_id", FieldKind::text, false,
     "whose it is: the caller's own user, which is the default; an administrator may name another"},
    {"slug", FieldKind::text, false,
     "a DNS label that the bucket's name begins with; the app's default one, or made of app_id"},
    {"env_prefix", FieldKind::text, false,
     "what the five variables begin with; OF_S3 by default: OF_S3_ENDPOINT, OF_S3_BUCKET, ..."},
    {"quota", FieldKind::count, false, "bytes; 0: none; the host's default if absent", nullptr, 0,
     std::numeric_limits<std::int64_t>::max() / 10},
    {"publish", FieldKind::flag, false,
     "true: the sidecar delivers the variables and the answer has no secret; false by default"},
    {"idempotency_key", FieldKind::text, false,
     "the caller's own name for this request: a repetition gets the same bucket, no secret"},
};

const FieldRule bucket_list_fields[3] = {
    {"app_id", FieldKind::text, false, "only the buckets of this app"},
    limit_field(500),
    {"cursor", FieldKind::text, false, "next_cursor of the page before"},
};

const FieldRule rotate_bucket_fields[2] = {
    {"deadline", FieldKind::time, false,
     "how long the old key lives after the new one was published, such as 1h or 7d; 7d by default"},
    publish_field,
};

const FieldRule revoke_bucket_fields[1] = {reason_field};

const FieldRule restore_bucket_fields[1] = {publish_field};

const FieldRule remove_bucket_fields[1] = {
    {"retain", FieldKind::time, false, "how long it can be restored, such as 12h or 7d"},
};

const FieldRule alter_bucket_fields[1] = {
    {"quota", FieldKind::count, true, "bytes; 0: none", nullptr, 0,
     std::numeric_limits<std::int64_t>::max() / 10},
};

namespace
{

// Changes a bucket of the caller's in a transaction; whose it is is asked again at its end.
template <typename Body>
auto
for_bucket_owner(Database &database, const Caller &caller, const std::string &bucket_id, Body body)
{
    own_bucket(database, caller, bucket_id);
    return for_caller(database, caller, [&] {
        auto result = body();
        own_bucket(database, caller, bucket_id);
        return result;
    });
}

// Waits until the store has the bucket; when the time is over, it is told as it is.
BucketPoll
until_made(std::string bucket_id, std::string about, bool created)
{
    return [bucket_id = std::move(bucket_id), about = std::move(about),
            created](Database &database, bool last) -> std::optional<Answer> {
        const Json now =
            parse_json(database.value(sql::bucket_retention, {bucket_id}).value_or("{}"));
        const std::string status = string_member(now, "status").value_or("");
        if (status == text_of(BucketStatus::planned) && !last)
            return std::nullopt;
        const Json document = parse_json(about);
        json_object_set_new(document.get(), "status", json_of(status).release());
        return Answer{json_text(document), false, created};
    };
}

// A key that is published or handed out, as the caller wants it.
BucketRun
new_key(Database &database, const Caller &caller, const std::string &bucket_id, bool publish,
        const StoreDoor &door, const Query &query, const Parameters &parameters)
{
    own_bucket(database, caller, bucket_id);
    if (!publish)
        need_store(door);
    std::string about = for_bucket_owner(database, caller, bucket_id, [&] {
        return database.value(query, parameters).value_or("{}");
    });
    if (publish)
        return Answer{std::move(about), false, true};
    return hand_out_key(door, caller, bucket_id, std::move(about));
}

} // namespace

bool
is_bucket_id(std::string_view text)
{
    return text.size() == 17 && text.starts_with("buk-") &&
           text.find_first_not_of("0123456789abcdef", 4) == std::string_view::npos;
}

void
own_bucket(Database &database, const Caller &caller, const std::string &bucket_id,
           const std::optional<std::string> &app_id)
{
    const auto app = is_bucket_id(bucket_id)
                         ? database.value(sql::own_bucket, owned(bucket_id, caller))
                         : std::nullopt;
    if (!app || (app_id && *app_id != *app))
        throw no_such_bucket();
}

BucketRun
provision_bucket(Database &database, const Caller &caller, const Input &input,
                 const StoreDoor &door)
{
    const App app = reach(database, caller, input.text("app_id"));
    const bool publish = !caller.guest && input.flag("publish", false);
    if (!publish)
        need_store(door);
    const auto key = key_of(caller, input);
    const auto quota = quota_of(caller, input);
    const std::string app_id = input.text("app_id").value_or("");
    const Parameters parameters = {
        app_id,
        owner_of(caller, input, app),
        input.text("slug").value_or(app.slug.value_or(slug_of(app_id))),
        input.text("env_prefix").value_or("OF_S3"),
        quota,
        sql_flag(publish),
        key,
    };
    bool created = true;
    std::string about = for_caller(database, caller, [&] {
        if (caller.guest)
            admit_guest(database, caller, app_id, app.owner.has_value());
        std::string connection = database.value(sql::provision_bucket, parameters).value_or("{}");
        if (key)
            created = database.value(sql::is_new_bucket,
                                     {string_member(parse_json(connection), "bucket_id")}) == "t";
        return connection;
    });
    const std::string bucket_id = string_member(parse_json(about), "bucket_id").value_or("");
    if (publish)
        return until_made(bucket_id, std::move(about), created);
    // A first try that ended before its answer was made has handed out nothing: this one goes on.
    if (!created && database.value(sql::has_key, {bucket_id}) == "t")
        return Answer{std::move(about), false, false};
    return hand_out_key(door, caller, bucket_id, std::move(about));
}

Answer
get_bucket(Database &database, const Caller &caller, const std::string &bucket_id)
{
    auto json = is_bucket_id(bucket_id) ? database.value(sql::get_bucket, owned(bucket_id, caller))
                                        : std::nullopt;
    if (!json)
        throw no_such_bucket();
    return {std::move(*json)};
}

Answer
list_buckets(Database &database, const Caller &caller, const Input &input)
{
    const std::int64_t limit = input.count("limit").value_or(100);
    if (input.text("app_id"))
        reach(database, caller, input.text("app_id"));
    const Cursor cursor = cursor_of(input, is_bucket_id);
    return {database
                .value(sql::list_buckets,
                       {input.text("app_id"), sql_flag(caller.admin), caller.user, cursor.time,
                        cursor.last, std::to_string(limit), claim_of(caller)})
                .value_or("{}")};
}

BucketRun
rotate_bucket(Database &database, const Caller &caller, const std::string &bucket_id,
              const Input &input, const StoreDoor &door)
{
    const bool publish = !caller.guest && input.flag("publish", false);
    return new_key(database, caller, bucket_id, publish, door, sql::rotate_bucket,
                   {bucket_id, input.interval("deadline"), sql_flag(publish)});
}

BucketRun
restore_bucket(Database &database, const Caller &caller, const std::string &bucket_id,
               const Input &input, const StoreDoor &door)
{
    const bool publish = !caller.guest && input.flag("publish", false);
    return new_key(database, caller, bucket_id, publish, door, sql::restore_bucket,
                   {bucket_id, sql_flag(publish)});
}

BucketRun
revoke_bucket(Database &database, const Caller &caller, const std::string &bucket_id,
              const Input &input)
{
    const std::string count = for_bucket_owner(database, caller, bucket_id, [&] {
        return database.value(sql::revoke_bucket, {bucket_id, input.text("reason")}).value_or("0");
    });
    return [bucket_id, count](Database &again, bool last) -> std::optional<Answer> {
        const bool gone = again.value(sql::bucket_keys_gone, {bucket_id}) == "t";
        if (!gone && !last)
            return std::nullopt;
        Answer answer{"{\"revoked\":" + count + "}"};
        answer.status = gone ? 200 : 202;
        return answer;
    };
}

Answer
remove_bucket(Database &database, const Caller &caller, const std::string &bucket_id,
              const Input &input)
{
    const auto retain = input.interval("retain");
    return for_bucket_owner(database, caller, bucket_id, [&] {
        database.value(sql::remove_bucket, {bucket_id, retain});
        return bucket_retention(database, bucket_id);
    });
}

Answer
alter_bucket(Database &database, const Caller &caller, const std::string &bucket_id,
             const Input &input)
{
    const auto quota = quota_of(caller, input);
    return for_bucket_owner(database, caller, bucket_id, [&] {
        database.value(sql::set_bucket_quota, {bucket_id, quota});
        return get_bucket(database, caller, bucket_id);
    });
}

Answer
check_bucket(Database &database, const Caller &caller, const std::string &bucket_id)
{
    own_bucket(database, caller, bucket_id);
    return {database.value(sql::check_bucket, {bucket_id}).value_or("{}")};
}

Answer
bucket_retention(Database &database, const std::string &bucket_id)
{
    return {database.value(sql::bucket_retention, {bucket_id}).value_or("{}")};
}

Delivery
bucket_delivery(Database &database, const std::string &bucket_id)
{
    return delivery_of(database.value(sql::bucket_delivery, {bucket_id}));
}

} // namespace sidecar::use_cases
