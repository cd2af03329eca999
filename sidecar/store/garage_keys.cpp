// See garage_store.hpp: the keys of a bucket's principals.
#include <algorithm>

#include "store/garage_store.hpp"

namespace sidecar
{
namespace
{

constexpr std::string_view own_number = "purge"; // of the key with which a bucket is emptied

// Under which of its names the registry knows a key: its access key, or the number that was
// planned.
std::string
known_name(const WantedPrincipal &principal, const std::string &id, const std::string &number)
{
    const auto knows = [&](const std::string &name) {
        return std::ranges::count(principal.keys, name, &WantedKey::access_key) > 0;
    };
    return !knows(id) && knows(number) ? number : id;
}

} // namespace

StoreAnswer<NewKey>
GarageStore::add_key(const WantedStorage &storage)
{
    const WantedPrincipal *principal =
        storage.mint ? storage.principal(storage.mint->name) : nullptr;
    if (principal == nullptr)
        return {{StoreStatus::other, "no key is planned"}, {}};
    const auto bucket = look_at(storage);
    if (!bucket.ok())
        return {bucket.result, {}};
    return make_key(principal->name + "/" + storage.mint->access_key, bucket.value.id,
                    principal->access == Access::writer);
}

// Makes a key and lets it into a bucket. From the first request on the result of a failure is
// uncertain: a second key of that name would not be told from this one.
StoreAnswer<NewKey>
GarageStore::make_key(const std::string &name, const std::string &bucket_id, bool writes)
{
    auto made =
        ask(admin("make key", "POST", "CreateKey", {}, pack("{s:s}", "name", name.c_str())));
    if (!made.ok())
        return {made.result, {}};
    const auto id = string_member(made.value, "accessKeyId");
    const json_t *secret = json_object_get(made.value.get(), "secretAccessKey");
    if (!id || json_string_length(secret) == 0)
        return {{StoreStatus::again, "make key: the answer does not hold the key", true}, {}};
    StoreResult let_in = tell(
        admin("allow key", "POST", "AllowBucketKey", {},
              pack("{s:s, s:s, s:{s:b, s:b, s:b}}", "bucketId", bucket_id.c_str(), "accessKeyId",
                   id->c_str(), "permissions", "read", 1, "write", writes ? 1 : 0, "owner", 0)));
    if (!let_in.ok()) {
        let_in.uncertain = true;
        return {std::move(let_in), {}};
    }
    return {{}, {*id, Secret({json_string_value(secret), json_string_length(secret)})}};
}

StoreResult
GarageStore::remove_key(const WantedStorage &, const std::string &principal,
                        const std::string &access_key)
{
    StoreResult removed = remove_by_id(access_key);
    return removed.ok() ? remove_named(principal + "/" + access_key) : removed;
}

// Removes a key; ok when it is gone, or never was.
StoreResult
GarageStore::remove_by_id(const std::string &id)
{
    StoreResult removed = tell(admin("remove key", "POST", "DeleteKey", {{"id", id}}));
    return removed.status == StoreStatus::not_found ? StoreResult{} : removed;
}

// Removes the keys whose names begin so.
StoreResult
GarageStore::remove_named(std::string_view beginning)
{
    const auto keys = keys_named(beginning);
    if (!keys.ok())
        return keys.result;
    for (const SeenKey &key : keys.value) {
        StoreResult removed = remove_by_id(key.id);
        if (!removed.ok())
            return removed;
    }
    return {};
}

StoreAnswer<std::vector<SeenPrincipal>>
GarageStore::list_keys(const WantedStorage &storage)
{
    StoreAnswer<std::vector<SeenPrincipal>> list;
    std::vector<std::string> ours;
    for (const WantedPrincipal &principal : storage.principals) {
        const std::string beginning = principal.name + "/";
        const auto keys = keys_named(beginning);
        if (!keys.ok())
            return {keys.result, {}};
        SeenPrincipal seen{principal.name, principal.access};
        for (const SeenKey &key : keys.value) {
            const std::string number = key.name.substr(beginning.size());
            ours.push_back(key.id);
            if (number != own_number)
                seen.access_keys.push_back(known_name(principal, key.id, number));
        }
        seen.there = !seen.access_keys.empty(); // what has a key is not suspended
        list.value.push_back(std::move(seen));
    }
    // Keys of others that were let into the bucket are nobody's that the registry knows.
    const auto bucket = look_at(storage);
    if (!bucket.ok() && bucket.result.status != StoreStatus::not_found)
        return {bucket.result, {}};
    for (const std::string &id : bucket.value.key_ids)
        if (std::ranges::count(ours, id) == 0 && !list.value.empty())
            list.value.front().access_keys.push_back(id);
    return list;
}

StoreResult
GarageStore::suspend(const WantedStorage &storage)
{
    for (const WantedPrincipal &principal : storage.principals) {
        StoreResult removed =
            storage.suspended ? remove_named(principal.name + "/") : StoreResult{};
        if (!removed.ok())
            return removed;
    }
    return {};
}

StoreAnswer<std::vector<GarageStore::SeenKey>>
GarageStore::keys_named(std::string_view beginning)
{
    const auto answer = ask(admin("list keys", "GET", "ListKeys"));
    StoreAnswer<std::vector<SeenKey>> keys{answer.result};
    std::size_t index;
    const json_t *key;
    json_array_foreach(answer.value.get(), index, key)
    {
        const json_t *id = json_object_get(key, "id");
        const json_t *name = json_object_get(key, "name");
        if (json_is_string(id) && json_is_string(name) &&
            std::string_view(json_string_value(name)).starts_with(beginning))
            keys.value.push_back({json_string_value(id), json_string_value(name)});
    }
    return keys;
}

} // namespace sidecar
