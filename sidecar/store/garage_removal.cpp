// See garage_store.hpp: the removal of a bucket. Garage removes only what is empty, so the objects
// are removed before, in slices, with a key of its own that ends with each call.
#include <algorithm>

#include "base/text.hpp"
#include "store/garage_store.hpp"

namespace sidecar
{
namespace
{

constexpr int slices_at_a_time = 10; // of 1,000 objects

// The texts of all elements of that name, as they stand there: escaped.
std::vector<std::string>
elements_of(std::string_view xml, std::string_view name)
{
    const std::string open = "<" + std::string(name) + ">";
    const std::string close = "</" + std::string(name) + ">";
    std::vector<std::string> texts;
    for (std::size_t at = 0; (at = xml.find(open, at)) != std::string_view::npos;) {
        at += open.size();
        const std::size_t end = xml.find(close, at);
        if (end == std::string_view::npos)
            break;
        texts.emplace_back(xml.substr(at, end - at));
        at = end;
    }
    return texts;
}

// The order to remove these objects, whose names are escaped.
std::string
removal_of(const std::vector<std::string> &names)
{
    std::string order = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
    for (const std::string &name : names)
        order += "<Object><Key>" + name + "</Key></Object>";
    return order + "<Quiet>true</Quiet></Delete>";
}

} // namespace

StoreResult
GarageStore::remove_bucket(const WantedStorage &storage)
{
    if (storage.present)
        return {StoreStatus::other, "the bucket " + storage.bucket_name + " is not to go"};
    const WantedPrincipal *writer = storage.principal(Access::writer);
    const auto seen = look_at(storage);
    if (!seen.ok() && seen.result.status != StoreStatus::not_found)
        return seen.result;
    if (seen.ok()) {
        if (writer == nullptr || std::ranges::count(seen.value.names, writer->name) == 0)
            return {StoreStatus::name_taken,
                    "the bucket " + storage.bucket_name + " was made for somebody else"};
        StoreResult emptied = empty(storage, seen.value.id);
        if (!emptied.ok())
            return emptied;
        const StoreRequest remove =
            admin("remove bucket", "POST", "DeleteBucket", {{"id", seen.value.id}});
        const StoreReply reply = client_.send(remove);
        // What was begun and never finished is neither listed nor removed with the objects.
        if (reply.code == "BucketNotEmpty") {
            StoreResult cleaned = tell(
                admin("end uploads", "POST", "CleanupIncompleteUploads", {},
                      pack("{s:s, s:i}", "bucketId", seen.value.id.c_str(), "olderThanSecs", 0)));
            return cleaned.ok() ? StoreResult{StoreStatus::again, "remove bucket: it is not empty"}
                                : cleaned;
        }
        StoreResult removed = result_of(remove, reply);
        if (!removed.ok() && removed.status != StoreStatus::not_found)
            return removed;
    }
    for (const WantedPrincipal &principal : storage.principals) {
        StoreResult removed = remove_named(principal.name + "/");
        if (!removed.ok())
            return removed;
    }
    return {};
}

// Removes the objects; again: some are left.
StoreResult
GarageStore::empty(const WantedStorage &storage, const std::string &bucket_id)
{
    const std::string name = storage.principal(Access::writer)->name + "/purge";
    StoreResult result = remove_named(name); // of a call that was ended
    if (!result.ok())
        return result;
    auto key = make_key(name, bucket_id, true);
    if (!key.ok())
        return key.result;
    const std::string id = key.value.access_key;
    result = remove_objects(storage, std::move(key.value));
    if (result.status == StoreStatus::refused)
        result.status = StoreStatus::again; // that was not the key of the platform
    const StoreResult ended = remove_by_id(id);
    return result.ok() ? ended : result;
}

// Removes objects by the S3 door, with this key.
StoreResult
GarageStore::remove_objects(const WantedStorage &storage, NewKey key)
{
    StoreClientSettings settings;
    settings.access_key = key.access_key;
    settings.secret = std::move(key.secret);
    settings.region = storage.region;
    settings.ca_file = settings_.client.ca_file;
    settings.call_timeout = settings_.client.call_timeout;
    settings.observer = settings_.client.observer;
    StoreClient client(std::move(settings));
    client.guard(may_begin_);
    StoreRequest list{"list objects", "GET",
                      settings_.s3_url + "/" + percent_encode(storage.bucket_name)};
    list.parameters = {{"list-type", "2"}, {"max-keys", "1000"}};
    StoreRequest remove{"remove objects", "POST", list.url};
    remove.parameters = {{"delete", ""}};
    for (int slice = 0; slice < slices_at_a_time; slice++) {
        const StoreReply listed = client.send(list);
        if (!listed.ok())
            return result_of(list, listed);
        const auto names = elements_of(listed.body, "Key");
        if (names.empty())
            return {};
        remove.body = removal_of(names);
        const StoreReply removed = client.send(remove);
        if (!removed.ok())
            return result_of(remove, removed);
    }
    return {StoreStatus::again, "remove bucket: objects are left"};
}

} // namespace sidecar
