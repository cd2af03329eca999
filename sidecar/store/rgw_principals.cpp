// See rgw_store.hpp: the users of the store that are a bucket's principals, and their keys.
#include <algorithm>

#include "store/rgw_store.hpp"

namespace sidecar
{
namespace
{

bool
is_filled(const json_t *object, const char *name)
{
    return json_array_size(json_object_get(object, name)) > 0;
}

// What of a user is not as ensure_principal() makes it.
std::vector<std::string>
differences_of(const Json &user, const WantedPrincipal &principal)
{
    std::vector<std::string> found;
    const auto max_buckets = integer_member(user, "max_buckets");
    if (!max_buckets || *max_buckets >= 0)
        found.push_back(principal.name + " may make buckets");
    if (is_filled(user.get(), "caps"))
        found.push_back(principal.name + " has caps");
    if (is_filled(user.get(), "subusers") || is_filled(user.get(), "swift_keys"))
        found.push_back(principal.name + " has subusers");
    if (principal.access == Access::reader &&
        string_member(user, "op_mask").value_or("read") != "read")
        found.push_back(principal.name + " may write");
    if (string_member(user, "display_name").value_or("") != principal.name)
        found.push_back(principal.name + " has another display name");
    return found;
}

// Older versions say 0 and 1, in a number.
bool
is_suspended(const Json &user)
{
    const json_t *member = json_object_get(user.get(), "suspended");
    return json_is_true(member) || (json_is_integer(member) && json_integer_value(member) != 0);
}

// The member of a key in a list of keys.
std::string
text_in(const json_t *key, const char *name)
{
    const json_t *member = json_object_get(key, name);
    return json_is_string(member) ? json_string_value(member) : "";
}

// What a user is to be: it may make no bucket, and as a reader write nothing, whatever a policy
// says.
std::vector<std::pair<std::string, std::string>>
parameters_of(const WantedPrincipal &principal)
{
    std::vector<std::pair<std::string, std::string>> parameters = {
        {"display-name", principal.name}, {"max-buckets", "-1"}, {"uid", principal.name}};
    if (principal.access == Access::reader)
        parameters.emplace_back("op-mask", "read");
    return parameters;
}

// The key of that name in the list of a user's keys, with its secret.
StoreAnswer<NewKey>
key_in(const json_t *keys, const std::string &access_key)
{
    std::size_t index;
    const json_t *key;
    json_array_foreach(keys, index, key)
    {
        const json_t *secret = json_object_get(key, "secret_key");
        if (text_in(key, "access_key") == access_key && json_string_length(secret) > 0)
            return {{},
                    {access_key, Secret({json_string_value(secret), json_string_length(secret)})}};
    }
    return {{StoreStatus::again, "add key: the answer does not hold the key"}, {}};
}

} // namespace

StoreAnswer<NewKey>
RgwStore::add_key(const WantedStorage &storage)
{
    const WantedPrincipal *principal =
        storage.mint ? storage.principal(storage.mint->name) : nullptr;
    if (principal == nullptr)
        return {{StoreStatus::other, "no key is planned"}, {}};
    const std::string &access_key = storage.mint->access_key;
    // In a bucket that was made before it is mostly there: looked at first, made where it is not.
    if (!storage.made) {
        if (auto made = make_principal(*principal, access_key))
            return std::move(*made);
    }
    const auto seen = look_at(*principal);
    if (!seen.ok())
        return {seen.result, {}};
    if (!seen.value.there) {
        if (auto made = make_principal(*principal, access_key))
            return std::move(*made);
        return {{StoreStatus::again, "make user: it is there, and is not"}, {}};
    }
    if (!seen.value.differences.empty()) {
        const StoreRequest mend = admin("mend user", "POST", "user", parameters_of(*principal));
        if (StoreResult mended = result_of(mend, client_.send(mend)); !mended.ok())
            return {std::move(mended), {}};
    }
    return add_key_to(*principal, access_key);
}

// Makes a key of a principal that is there; again: it has a new secret.
StoreAnswer<NewKey>
RgwStore::add_key_to(const WantedPrincipal &principal, const std::string &access_key)
{
    const auto keys = ask(admin("add key", "PUT", "user",
                                {{"access-key", access_key},
                                 {"generate-key", "true"},
                                 {"key", ""},
                                 {"key-type", "s3"},
                                 {"uid", principal.name}}));
    if (!keys.ok())
        return {keys.result, {}};
    return key_in(keys.value.get(), access_key);
}

// Makes the user together with the key; nothing when the user is there.
std::optional<StoreAnswer<NewKey>>
RgwStore::make_principal(const WantedPrincipal &principal, const std::string &access_key)
{
    Parameters parameters = parameters_of(principal);
    parameters.insert(parameters.end(),
                      {{"access-key", access_key}, {"generate-key", "true"}, {"key-type", "s3"}});
    const StoreRequest make = admin("make user", "PUT", "user", std::move(parameters));
    const StoreReply reply = client_.send(make);
    if (reply.code == "UserAlreadyExists")
        return std::nullopt;
    const auto user = document_of(make, reply);
    if (!user.ok())
        return StoreAnswer<NewKey>{user.result, {}};
    return key_in(json_object_get(user.value.get(), "keys"), access_key);
}

StoreResult
RgwStore::remove_key(const WantedStorage &storage, const std::string &principal,
                     const std::string &access_key)
{
    const WantedPrincipal *owner = storage.principal(principal);
    if (owner == nullptr)
        return {StoreStatus::other, "the key is of no principal of the bucket"};
    const StoreRequest remove =
        admin("remove key", "DELETE", "user",
              {{"access-key", access_key}, {"key", ""}, {"uid", principal}});
    const StoreReply reply = client_.send(remove);
    if (!reply.answered)
        return result_of(remove, reply);
    // A key that is gone and a key of ours that is refused have the same code: the look decides.
    const auto seen = look_at(*owner);
    if (!seen.ok())
        return seen.result;
    if (std::ranges::find(seen.value.access_keys, access_key) == seen.value.access_keys.end())
        return {};
    const StoreResult removed = result_of(remove, reply);
    return removed.ok() ? StoreResult{StoreStatus::again, "remove key: it is still there"}
                        : removed;
}

StoreAnswer<std::vector<SeenPrincipal>>
RgwStore::list_keys(const WantedStorage &storage)
{
    StoreAnswer<std::vector<SeenPrincipal>> list;
    for (const WantedPrincipal &principal : storage.principals) {
        auto seen = look_at(principal);
        if (!seen.ok()) {
            list.result = std::move(seen.result);
            return list;
        }
        list.value.push_back(std::move(seen.value));
    }
    return list;
}

StoreResult
RgwStore::suspend(const WantedStorage &storage)
{
    for (const WantedPrincipal &principal : storage.principals) {
        const auto seen = look_at(principal);
        if (!seen.ok())
            return seen.result;
        if (!seen.value.there || seen.value.suspended == storage.suspended)
            continue; // looking is quicker than writing what is there
        const StoreRequest request =
            admin("suspend", "POST", "user",
                  {{"suspended", storage.suspended ? "true" : "false"}, {"uid", principal.name}});
        StoreResult result = result_of(request, client_.send(request));
        if (!result.ok() && result.status != StoreStatus::not_found)
            return result;
    }
    return {};
}

// What the store has of a user; one that it does not have is not there.
StoreAnswer<SeenPrincipal>
RgwStore::look_at(const WantedPrincipal &principal)
{
    StoreAnswer<SeenPrincipal> seen{{}, {principal.name, principal.access}};
    const auto user = ask(admin("look at user", "GET", "user", {{"uid", principal.name}}));
    if (user.result.status == StoreStatus::not_found)
        return seen;
    seen.result = user.result;
    if (!user.ok())
        return seen;
    seen.value.there = true;
    seen.value.suspended = is_suspended(user.value);
    seen.value.differences = differences_of(user.value, principal);
    std::size_t index;
    const json_t *key;
    json_array_foreach(json_object_get(user.value.get(), "keys"), index, key)
    {
        seen.value.access_keys.push_back(text_in(key, "access_key"));
    }
    return seen;
}

} // namespace sidecar
