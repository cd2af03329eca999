// jansson behind unique_ptr. The allocator wipes (wipe.hpp), so that a document with a secret in it
// may be parsed and built here.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <jansson.h>

namespace sidecar
{

struct JsonRelease {
    void
    operator()(json_t *json) const
    {
        json_decref(json);
    }
};

using Json = std::unique_ptr<json_t, JsonRelease>;

// The document in text, or null when it is not valid JSON.
inline Json
parse_json(std::string_view text)
{
    return Json(json_loadb(text.data(), text.size(), JSON_REJECT_DUPLICATES, nullptr));
}

// Builds a document as json_pack() does. Throws when format and values do not go together, which is
// a mistake of ours: json_pack() would give null, and an answer without a body.
template <typename... Values>
Json
pack(const char *format, Values... values)
{
    Json json(json_pack(format, values...));
    if (!json)
        throw std::logic_error(std::string("no JSON document can be built as ") + format);
    return json;
}

// The document as compact text.
inline std::string
json_text(const Json &json)
{
    const std::size_t size = json_dumpb(json.get(), nullptr, 0, JSON_COMPACT | JSON_ENCODE_ANY);
    std::string text(size, '\0');
    json_dumpb(json.get(), text.data(), size, JSON_COMPACT | JSON_ENCODE_ANY);
    return text;
}

// A JSON string of valid UTF-8 text.
inline Json
json_of(std::string_view text)
{
    return Json(json_stringn(text.data(), text.size()));
}

// The string member of an object, or nothing.
inline std::optional<std::string>
string_member(const Json &object, const char *name)
{
    const json_t *member = json_object_get(object.get(), name);
    if (!json_is_string(member))
        return std::nullopt;
    return std::string(json_string_value(member), json_string_length(member));
}

// The integer member of an object, or nothing.
inline std::optional<std::int64_t>
integer_member(const Json &object, const char *name)
{
    const json_t *member = json_object_get(object.get(), name);
    if (!json_is_integer(member))
        return std::nullopt;
    return json_integer_value(member);
}

} // namespace sidecar
