// See garage_store.hpp: the bucket, its closing, its quota and its size. Keys are in
// garage_keys.cpp, the removal is in garage_removal.cpp.
#include "store/garage_store.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace sidecar
{
namespace
{

// The name that marks a bucket as the one that was made for these principals.
std::string
mark_of(const WantedStorage &storage)
{
    const WantedPrincipal *writer = storage.principal(Access::writer);
    return writer != nullptr ? writer->name : std::string();
}

// Whether the name is a mark: that of a writing principal of any bucket of ours.
bool
is_mark(std::string_view name)
{
    constexpr std::size_t length = 19; // buk-, 13 digits, -w
    return name.size() == length && name.starts_with("buk-") && name.ends_with("-w");
}

std::int64_t
whole_number(const json_t *object, const char *name, std::int64_t otherwise)
{
    const json_t *member = json_object_get(object, name);
    return json_is_integer(member) ? json_integer_value(member) : otherwise;
}

// The texts of a list.
std::vector<std::string>
texts_of(const json_t *list)
{
    std::vector<std::string> texts;
    std::size_t index;
    const json_t *text;
    json_array_foreach(list, index, text)
    {
        if (json_is_string(text))
            texts.emplace_back(json_string_value(text), json_string_length(text));
    }
    return texts;
}

StoreResult
made_for_somebody_else(const WantedStorage &storage)
{
    return {StoreStatus::name_taken,
            "the bucket " + storage.bucket_name + " was made for somebody else"};
}

} // namespace

GarageStore::GarageStore(GarageSettings settings)
    : settings_(std::move(settings)), client_([this] {
          StoreClientSettings client;
          client.secret = settings_.client.secret.clone();
          client.ca_file = settings_.client.ca_file;
          client.connect_timeout = settings_.client.connect_timeout;
          client.call_timeout = settings_.client.call_timeout;
          client.observer = settings_.client.observer;
          return client;
      }())
{
}

void
GarageStore::guard(std::function<bool()> may_begin)
{
    may_begin_ = may_begin;
    client_.guard(std::move(may_begin));
}

StoreResult
GarageStore::ensure_bucket(const WantedStorage &storage)
{
    if (!storage.made) {
        StoreResult made = tell(admin("make bucket", "POST", "CreateBucket", {},
                                      pack("{s:s}", "globalAlias", storage.bucket_name.c_str())));
        // Whose it is says the look at it.
        if (!made.ok() && made.status != StoreStatus::name_taken)
            return made;
    }
    const auto seen = look_at(storage);
    if (!seen.ok())
        return seen.result;
    const std::string mark = mark_of(storage);
    if (std::ranges::count(seen.value.names, mark) > 0)
        return {};
    // One that is not marked was made just now, or by somebody else.
    if (storage.made || seen.value.objects > 0 || !seen.value.key_ids.empty() ||
        std::ranges::any_of(seen.value.names, is_mark))
        return made_for_somebody_else(storage);
    return tell(
        admin("mark bucket", "POST", "AddBucketAlias", {},
              pack("{s:s, s:s}", "bucketId", seen.value.id.c_str(), "globalAlias", mark.c_str())));
}

StoreResult
GarageStore::ensure_closed(const WantedStorage &storage, std::vector<std::string> &mended)
{
    const auto seen = look_at(storage);
    if (!seen.ok() || !seen.value.website)
        return seen.result;
    mended.emplace_back("website");
    return tell(admin("close bucket", "POST", "UpdateBucket", {{"id", seen.value.id}},
                      pack("{s:{s:b}}", "websiteAccess", "enabled", 0)));
}

StoreResult
GarageStore::ensure_quota(const WantedStorage &storage, std::vector<std::string> &mended)
{
    const auto seen = look_at(storage);
    if (!seen.ok() || seen.value.max_size == storage.quota.value_or(-1))
        return seen.result;
    if (storage.made)
        mended.emplace_back("quota");
    Json size(storage.quota ? json_integer(*storage.quota) : json_null());
    return tell(admin("put quota", "POST", "UpdateBucket", {{"id", seen.value.id}},
                      pack("{s:{s:o, s:n}}", "quotas", "maxSize", size.release(), "maxObjects")));
}

StoreAnswer<Usage>
GarageStore::usage(const WantedStorage &storage)
{
    auto seen = look_at(storage);
    return {std::move(seen.result), {seen.value.objects, seen.value.bytes}};
}

// Whether it is shown as a website, or its list to somebody who has no key.
StoreAnswer<bool>
GarageStore::is_public(const WantedStorage &storage)
{
    const auto seen = look_at(storage);
    if (!seen.ok() || seen.value.website)
        return {seen.result, seen.value.website};
    StoreRequest list{"anonymous list", "GET",
                      settings_.s3_url + "/" + percent_encode(storage.bucket_name)};
    list.parameters = {{"max-keys", "1"}};
    list.proof = StoreRequest::Proof::none;
    const StoreReply reply = client_.send(list);
    if (!reply.answered)
        return {result_of(list, reply)};
    return {{}, reply.ok()};
}

// Those that are marked, by their other names.
StoreAnswer<std::vector<std::string>>
GarageStore::bucket_names()
{
    const auto answer = ask(admin("list buckets", "GET", "ListBuckets"));
    StoreAnswer<std::vector<std::string>> names{answer.result};
    std::size_t index;
    const json_t *bucket;
    json_array_foreach(answer.value.get(), index, bucket)
    {
        const auto aliases = texts_of(json_object_get(bucket, "globalAliases"));
        if (std::ranges::none_of(aliases, is_mark))
            continue;
        std::ranges::copy_if(aliases, std::back_inserter(names.value),
                             [](const std::string &alias) { return !is_mark(alias); });
    }
    return names;
}

StoreResult
GarageStore::probe()
{
    return ask(admin("probe", "GET", "ListBuckets")).result;
}

// A request to the administration API.
StoreRequest
GarageStore::admin(const char *name, const char *method, const char *what, Parameters parameters,
                   const Json &body) const
{
    StoreRequest request{name, method, settings_.admin_url + "/v2/" + what};
    request.parameters = std::move(parameters);
    request.proof = StoreRequest::Proof::token;
    if (body)
        request.body = json_text(body);
    return request;
}

// Makes a request whose answer is JSON. One that holds none counts as no answer: it was cut.
StoreAnswer<Json>
GarageStore::ask(const StoreRequest &request)
{
    const StoreReply reply = client_.send(request);
    StoreAnswer<Json> answer{result_of(request, reply)};
    if (!answer.ok())
        return answer;
    answer.value = parse_json(reply.body);
    if (!answer.value)
        answer.result = {StoreStatus::again,
                         std::string(request.name) + ": the answer is no JSON document", true};
    return answer;
}

// Makes a request whose answer says no more than that it was done.
StoreResult
GarageStore::tell(const StoreRequest &request)
{
    return result_of(request, client_.send(request));
}

StoreAnswer<GarageStore::SeenBucket>
GarageStore::look_at(const WantedStorage &storage)
{
    const auto answer = ask(
        admin("look at bucket", "GET", "GetBucketInfo", {{"globalAlias", storage.bucket_name}}));
    StoreAnswer<SeenBucket> seen{answer.result};
    if (!answer.ok())
        return seen;
    const json_t *bucket = answer.value.get();
    seen.value.id = string_member(answer.value, "id").value_or("");
    seen.value.names = texts_of(json_object_get(bucket, "globalAliases"));
    seen.value.objects = whole_number(bucket, "objects", 0);
    seen.value.bytes = whole_number(bucket, "bytes", 0);
    seen.value.max_size = whole_number(json_object_get(bucket, "quotas"), "maxSize", -1);
    seen.value.website = json_is_true(json_object_get(bucket, "websiteAccess"));
    std::size_t index;
    const json_t *key;
    json_array_foreach(json_object_get(bucket, "keys"), index, key)
    {
        const json_t *id = json_object_get(key, "accessKeyId");
        if (json_is_string(id))
            seen.value.key_ids.emplace_back(json_string_value(id));
    }
    return seen;
}

} // namespace sidecar
