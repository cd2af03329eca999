// See rgw_store.hpp: the bucket, its closing, its quota and its size. Principals and keys are in
// rgw_principals.cpp, the removal is in rgw_removal.cpp.
#include "store/rgw_store.hpp"

#include "base/failure.hpp"
#include "base/text.hpp"
#include "store/bucket_policy.hpp"

namespace sidecar
{
namespace
{

std::int64_t
number_in(const json_t *object, const char *name, std::int64_t otherwise)
{
    const json_t *member = json_object_get(object, name);
    return json_is_integer(member) ? json_integer_value(member) : otherwise;
}

// The quota as the store counts it, in KiB rounded up: max-size in bytes becomes 0 on 16.2.
std::int64_t
quota_kb(const WantedStorage &storage)
{
    return storage.quota ? (*storage.quota + 1023) / 1024 : -1;
}

StoreClientSettings
client_settings(StoreClientSettings &settings)
{
    if (settings.region.empty())
        settings.region = "us-east-1"; // the store takes any
    return std::move(settings);
}

} // namespace

RgwStore::RgwStore(RgwSettings settings)
    : settings_(std::move(settings)), client_(client_settings(settings_.client))
{
}

void
RgwStore::guard(std::function<bool()> may_begin)
{
    client_.guard(std::move(may_begin));
    seen_.reset();
}

StoreResult
RgwStore::ensure_bucket(const WantedStorage &storage)
{
    SeenBucket seen;
    if (!storage.made) {
        const StoreRequest make = s3("make bucket", "PUT", storage);
        const StoreResult made = result_of(make, client_.send(make));
        // Whose it is says the look at it.
        if (!made.ok() && made.status != StoreStatus::name_taken)
            return made;
    }
    if (StoreResult ours = ensure_owner(storage, seen); !ours.ok())
        return ours;
    seen_.emplace(storage.bucket_name, seen);
    return storage.made ? StoreResult{} : refuse_other_bucket(storage, seen.objects);
}

// Makes sure that the bucket is there and that the platform's user owns it.
StoreResult
RgwStore::ensure_owner(const WantedStorage &storage, SeenBucket &seen)
{
    auto looked = look_at(storage);
    if (!looked.ok())
        return looked.result;
    seen = std::move(looked.value);
    if (seen.owner != settings_.user)
        return {StoreStatus::name_taken,
                "the bucket " + storage.bucket_name + " belongs to another user of the store"};
    return {};
}

// Refuses a bucket of the platform that was made for somebody else: one whose policy lets others
// in, or one that has objects before anybody was let in.
StoreResult
RgwStore::refuse_other_bucket(const WantedStorage &storage, std::int64_t objects)
{
    const auto policy = policy_of(storage);
    if (!policy.ok())
        return policy.result;
    const bool ours = policy.value.empty() ? objects == 0 : names_principals(policy.value, storage);
    if (ours)
        return {};
    return {StoreStatus::name_taken,
            "the bucket " + storage.bucket_name + " was made for somebody else"};
}

StoreResult
RgwStore::ensure_closed(const WantedStorage &storage, std::vector<std::string> &mended)
{
    if (StoreResult closed = ensure_policy(storage, mended); !closed.ok())
        return closed;
    if (storage.made) {
        const StoreRequest look =
            s3("get access block", "GET", storage, {}, {{"publicAccessBlock", ""}});
        const StoreReply reply = client_.send(look);
        const bool absent = reply.code == "NoSuchPublicAccessBlockConfiguration";
        if (!reply.ok() && !absent)
            return result_of(look, reply);
        const auto flag = [&](const char *name) {
            return element_of(reply.body, name);
        };
        if (flag("IgnorePublicAcls") == "true" && flag("BlockPublicAcls") != "true" &&
            flag("BlockPublicPolicy") != "true" && flag("RestrictPublicBuckets") != "true")
            return {};
        mended.emplace_back("public access block");
    }
    StoreRequest close = s3("put access block", "PUT", storage, {}, {{"publicAccessBlock", ""}});
    close.body = public_access_block;
    return result_of(close, client_.send(close));
}

// Writes the policy, unless a bucket that was made before has it.
StoreResult
RgwStore::ensure_policy(const WantedStorage &storage, std::vector<std::string> &mended)
{
    const std::string wanted = bucket_policy(storage, settings_.user);
    if (storage.made) {
        const auto policy = policy_of(storage);
        if (!policy.ok())
            return policy.result;
        if (policy.value == wanted)
            return {};
        if (names_any_bucket(policy.value) && !names_principals(policy.value, storage))
            return {StoreStatus::name_taken, "the policy of the bucket " + storage.bucket_name +
                                                 " is that of another bucket of ours"};
        mended.emplace_back("policy");
    }
    StoreRequest write = s3("put policy", "PUT", storage, {}, {{"policy", ""}});
    write.body = wanted;
    return result_of(write, client_.send(write));
}

StoreResult
RgwStore::ensure_quota(const WantedStorage &storage, std::vector<std::string> &mended)
{
    const std::int64_t wanted = quota_kb(storage);
    auto seen = std::exchange(seen_, {});
    if (!seen || seen->first != storage.bucket_name) {
        auto looked = look_at(storage);
        if (!looked.ok())
            return looked.result;
        seen.emplace(storage.bucket_name, std::move(looked.value));
    }
    if (seen->second.quota_kb == wanted)
        return {};
    if (storage.made)
        mended.emplace_back("quota");
    const StoreRequest write = admin("put quota", "PUT", "bucket",
                                     {{"bucket", storage.bucket_name},
                                      {"enabled", wanted >= 0 ? "true" : "false"},
                                      {"max-size-kb", std::to_string(wanted)},
                                      {"quota", ""},
                                      {"uid", settings_.user}});
    return result_of(write, client_.send(write));
}

StoreAnswer<Usage>
RgwStore::usage(const WantedStorage &storage)
{
    auto seen = look_at(storage);
    return {std::move(seen.result), {seen.value.objects, seen.value.bytes}};
}

// Tries the bucket's list and one object of it as somebody who has no key.
StoreAnswer<bool>
RgwStore::is_public(const WantedStorage &storage)
{
    const auto object = first_object_of(storage);
    if (!object.ok())
        return {object.result};
    StoreRequest list = s3("anonymous list", "GET", storage, {}, {{"max-keys", "1"}});
    StoreRequest get = s3("anonymous get", "GET", storage, object.value);
    list.proof = get.proof = StoreRequest::Proof::none;
    for (const StoreRequest *request : {&list, &get}) {
        if (request == &get && object.value.empty())
            break;
        const StoreReply reply = client_.send(*request);
        if (!reply.answered)
            return {result_of(*request, reply)};
        if (reply.ok())
            return {{}, true};
    }
    return {{}, false};
}

// The name of one object, of the smallest that may be read; empty when there is none.
StoreAnswer<std::string>
RgwStore::first_object_of(const WantedStorage &storage)
{
    const StoreRequest list =
        s3("list", "GET", storage, {}, {{"encoding-type", "url"}, {"max-keys", "1"}});
    const StoreReply reply = client_.send(list);
    return {result_of(list, reply), percent_decode(element_of(reply.body, "Key"))};
}

StoreAnswer<std::vector<std::string>>
RgwStore::bucket_names()
{
    const auto answer = ask(admin("list buckets", "GET", "bucket", {{"uid", settings_.user}}));
    StoreAnswer<std::vector<std::string>> names{answer.result};
    std::size_t index;
    const json_t *name;
    json_array_foreach(answer.value.get(), index, name)
    {
        if (json_is_string(name))
            names.value.emplace_back(json_string_value(name));
    }
    return names;
}

StoreResult
RgwStore::probe()
{
    const auto answer = ask(admin("probe", "GET", "user", {{"uid", settings_.user}}));
    if (!answer.ok())
        return answer.result;
    if (number_in(answer.value.get(), "max_buckets", 0) != 0)
        return {StoreStatus::ok,
                "the platform's user has a limit of buckets: give it max-buckets=0"};
    return {};
}

// A request to the administration door.
StoreRequest
RgwStore::admin(const char *name, const char *method, const char *what, Parameters parameters) const
{
    StoreRequest request{name, method, settings_.admin_url + "/admin/" + what};
    request.parameters = std::move(parameters);
    return request;
}

// A request for the bucket, or for an object of it.
StoreRequest
RgwStore::s3(const char *name, const char *method, const WantedStorage &storage,
             const std::string &key, Parameters parameters) const
{
    StoreRequest request{name, method,
                         settings_.s3_url + "/" + percent_encode(storage.bucket_name)};
    if (!key.empty())
        request.url += "/" + percent_encode(key);
    request.parameters = std::move(parameters);
    return request;
}

// Makes a request whose answer is JSON.
StoreAnswer<Json>
RgwStore::ask(const StoreRequest &request)
{
    return document_of(request, client_.send(request));
}

// The JSON of an answer. One that holds none counts as no answer: it was cut.
StoreAnswer<Json>
RgwStore::document_of(const StoreRequest &request, const StoreReply &reply)
{
    StoreAnswer<Json> answer{result_of(request, reply)};
    if (!answer.ok())
        return answer;
    answer.value = parse_json(reply.body);
    if (!answer.value)
        answer.result = {StoreStatus::again,
                         std::string(request.name) + ": the answer is no JSON document"};
    return answer;
}

StoreAnswer<RgwStore::SeenBucket>
RgwStore::look_at(const WantedStorage &storage)
{
    const auto answer = ask(admin("look at bucket", "GET", "bucket",
                                  {{"bucket", storage.bucket_name}, {"stats", "true"}}));
    StoreAnswer<SeenBucket> seen{answer.result};
    if (!answer.ok())
        return seen;
    seen.value.owner = string_member(answer.value, "owner").value_or("");
    const json_t *used = json_object_get(json_object_get(answer.value.get(), "usage"), "rgw.main");
    seen.value.objects = number_in(used, "num_objects", 0);
    seen.value.bytes = number_in(used, "size", 0);
    const json_t *quota = json_object_get(answer.value.get(), "bucket_quota");
    if (json_is_true(json_object_get(quota, "enabled")))
        seen.value.quota_kb = number_in(quota, "max_size_kb", -1);
    return seen;
}

// The policy; empty when the bucket has none.
StoreAnswer<std::string>
RgwStore::policy_of(const WantedStorage &storage)
{
    const StoreRequest look = s3("get policy", "GET", storage, {}, {{"policy", ""}});
    StoreReply reply = client_.send(look);
    if (reply.answered && reply.code == "NoSuchBucketPolicy")
        return {};
    return {result_of(look, reply), std::move(reply.body)};
}

} // namespace sidecar
