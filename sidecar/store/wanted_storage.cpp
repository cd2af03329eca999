// See wanted_storage.hpp.
#include "store/wanted_storage.hpp"

#include <algorithm>

#include "base/failure.hpp"
#include "base/json.hpp"

namespace sidecar
{
namespace
{

[[noreturn]] void
reject(const std::string &why)
{
    throw Failure(Failure::Kind::give_up, "the wanted storage " + why);
}

const json_t *
member_of(const json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);
    if (member == nullptr)
        reject(std::string("has no ") + name);
    return member;
}

// A text that is not empty.
std::string
text_of(const json_t *object, const char *name)
{
    const json_t *member = member_of(object, name);
    if (!json_is_string(member) || json_string_length(member) == 0)
        reject(std::string("has no text as ") + name);
    return {json_string_value(member), json_string_length(member)};
}

bool
flag_of(const json_t *object, const char *name)
{
    const json_t *member = member_of(object, name);
    if (!json_is_boolean(member))
        reject(std::string("has no truth value as ") + name);
    return json_is_true(member);
}

const json_t *
list_of(const json_t *object, const char *name)
{
    const json_t *member = member_of(object, name);
    if (!json_is_array(member))
        reject(std::string("has no list as ") + name);
    return member;
}

// One of two words: whether it is the first.
bool
is_first_word(const json_t *object, const char *name, const char *first, const char *second)
{
    const std::string word = text_of(object, name);
    if (word != first && word != second)
        reject(std::string("has another ") + name + " than " + first + " or " + second);
    return word == first;
}

WantedPrincipal
principal_of(const json_t *object)
{
    WantedPrincipal principal;
    principal.name = text_of(object, "name");
    principal.access =
        is_first_word(object, "access", "writer", "reader") ? Access::writer : Access::reader;
    std::size_t index;
    const json_t *key;
    json_array_foreach(list_of(object, "keys"), index, key)
    {
        principal.keys.push_back(
            {text_of(key, "access_key"), is_first_word(key, "state", "wanted", "unwanted")});
    }
    return principal;
}

std::optional<std::int64_t>
quota_of(const json_t *object)
{
    const json_t *quota = member_of(object, "quota");
    if (json_is_null(quota))
        return std::nullopt;
    if (!json_is_integer(quota) || json_integer_value(quota) < 0)
        reject("has no number of bytes as quota");
    if (json_integer_value(quota) == 0)
        return std::nullopt;
    return json_integer_value(quota);
}

// Garage chooses access keys, so that a planned one may have none.
std::optional<Mint>
mint_of(const json_t *object)
{
    const json_t *mint = member_of(object, "mint");
    if (json_is_null(mint))
        return std::nullopt;
    Mint planned{text_of(mint, "name"), {}};
    if (const json_t *key = json_object_get(mint, "access_key"); json_is_string(key))
        planned.access_key = json_string_value(key);
    return planned;
}

// Whether a key is wanted that is not the one to be minted now.
bool
has_kept_key(const WantedStorage &storage)
{
    const auto kept = [&](const WantedKey &key) {
        return key.wanted && !(storage.mint && storage.mint->access_key == key.access_key);
    };
    return std::ranges::any_of(storage.principals, [&](const WantedPrincipal &principal) {
        return std::ranges::any_of(principal.keys, kept);
    });
}

} // namespace

const WantedPrincipal *
WantedStorage::principal(std::string_view name) const
{
    const auto found = std::ranges::find(principals, name, &WantedPrincipal::name);
    return found != principals.end() ? &*found : nullptr;
}

const WantedPrincipal *
WantedStorage::principal(Access access) const
{
    const auto found = std::ranges::find(principals, access, &WantedPrincipal::access);
    return found != principals.end() ? &*found : nullptr;
}

WantedStorage
read_storage(std::string_view document)
{
    const Json object = parse_json(document);
    if (!json_is_object(object.get()))
        reject("is no JSON object");
    WantedStorage storage;
    storage.backend = text_of(object.get(), "backend");
    storage.bucket_name = text_of(object.get(), "bucket_name");
    storage.region = text_of(object.get(), "region");
    storage.present = flag_of(object.get(), "present");
    storage.suspended = flag_of(object.get(), "suspended");
    storage.quota = quota_of(object.get());
    std::size_t index;
    const json_t *principal;
    json_array_foreach(list_of(object.get(), "principals"), index, principal)
    {
        storage.principals.push_back(principal_of(principal));
    }
    storage.mint = mint_of(object.get());
    if (storage.mint && storage.principal(storage.mint->name) == nullptr)
        reject("is to mint a key of a principal that it does not name");
    storage.made = json_object_get(object.get(), "made") != nullptr ? flag_of(object.get(), "made")
                                                                    : has_kept_key(storage);
    return storage;
}

const char *
word_of(Access access)
{
    return access == Access::writer ? "writer" : "reader";
}

} // namespace sidecar
