// See fields.hpp.
#include "platform/fields.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "platform/problem.hpp"

namespace sidecar
{
namespace
{

constexpr int deepest = 32;
constexpr std::size_t max_name_shown = 64;

std::string
in_quotes(std::string_view name)
{
    return "\"" + cut_text(clean_text(name), max_name_shown) + "\"";
}

const FieldRule *
find(Fieldset fields, std::string_view name)
{
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [&](const FieldRule &f) { return name == f.name; });
    return found == fields.end() ? nullptr : &*found;
}

[[noreturn]] void
refuse_unknown(Fieldset fields, std::string_view name)
{
    std::string known;
    for (const FieldRule &field : fields)
        known += (known.empty() ? "" : ", ") + std::string(field.name);
    throw invalid_field("unknown field " + in_quotes(name) +
                        (known.empty() ? "; none is expected" : "; known are: " + known));
}

const char *
type_name(FieldKind kind)
{
    return kind == FieldKind::text ? "string" : kind == FieldKind::flag ? "boolean" : "object";
}

bool
fits(const json_t *value, FieldKind kind)
{
    return kind == FieldKind::text   ? json_is_string(value)
           : kind == FieldKind::flag ? json_is_boolean(value)
                                     : json_is_object(value);
}

void
require_all(const json_t *object, Fieldset fields)
{
    for (const FieldRule &field : fields)
        if (field.required && json_object_get(object, field.name) == nullptr)
            throw invalid_field("field " + in_quotes(field.name) + " is missing");
}

// Whether brackets nest deeper than anything we read; the parser recurses on them.
bool
too_deep(std::string_view text)
{
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); i++) {
        const char c = text[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']'))
            depth--;
        if (depth > deepest)
            return true;
    }
    return false;
}

} // namespace

Input::Input(const json_t *object, Fieldset fields) : Input()
{
    const char *name;
    json_t *value;
    json_object_foreach(const_cast<json_t *>(object), name, value)
    {
        const FieldRule *field = find(fields, name);
        if (field == nullptr)
            refuse_unknown(fields, name);
        if (json_is_null(value))
            continue;
        if (!fits(value, field->kind))
            throw invalid_field("field " + in_quotes(name) + " must be of type " +
                                type_name(field->kind));
        json_object_set(object_.get(), name, value);
    }
    require_all(object_.get(), fields);
}

Input::Input(const std::vector<std::pair<std::string, std::string>> &pairs, Fieldset fields)
    : Input()
{
    for (const auto &[name, value] : pairs) {
        if (find(fields, name) == nullptr)
            refuse_unknown(fields, name);
        if (json_object_get(object_.get(), name.c_str()) != nullptr)
            throw invalid_field("field " + in_quotes(name) + " is given twice");
        Json text = json_of(value);
        if (!text || value.find('\0') != std::string::npos)
            throw invalid_field("field " + in_quotes(name) + " is not valid UTF-8 text");
        json_object_set_new(object_.get(), name.c_str(), text.release());
    }
    require_all(object_.get(), fields);
}

std::optional<std::string>
Input::text(const char *name) const
{
    return string_member(object_, name);
}

bool
Input::flag(const char *name, bool fallback) const
{
    const json_t *value = json_object_get(object_.get(), name);
    return value == nullptr ? fallback : json_is_true(value);
}

std::optional<std::string>
Input::object(const char *name) const
{
    json_t *value = json_object_get(object_.get(), name);
    if (value == nullptr)
        return std::nullopt;
    return json_text(Json(json_incref(value)));
}

std::int64_t
Input::count(const char *name, std::int64_t fallback, std::int64_t max) const
{
    const auto given = text(name);
    if (!given)
        return fallback;
    std::int64_t number = 0;
    const char *end = given->data() + given->size();
    const auto [rest, error] = std::from_chars(given->data(), end, number);
    if (error != std::errc() || rest != end || number < 0 || number > max)
        throw invalid_field("field " + in_quotes(name) + " must be a whole number up to " +
                            std::to_string(max));
    return number;
}

Json
parse_object(std::string_view body)
{
    if (too_deep(body))
        throw Problem(400, "invalid_json",
                      "the JSON is nested more than " + std::to_string(deepest) + " deep");
    json_error_t error;
    Json object(json_loadb(body.data(), body.size(), JSON_REJECT_DUPLICATES, &error));
    if (!object) // jansson's own text quotes the input
        throw Problem(400, "invalid_json",
                      std::string(json_error_code(&error) == json_error_duplicate_key
                                      ? "a key is given twice"
                                  : json_error_code(&error) == json_error_invalid_utf8
                                      ? "the text is not valid UTF-8"
                                      : "the body is not valid JSON") +
                          ", line " + std::to_string(error.line) + ", column " +
                          std::to_string(error.column));
    if (!json_is_object(object.get()))
        throw Problem(400, "invalid_json", "the body must be a JSON object");
    return object;
}

Json
schema_of(Fieldset fields)
{
    Json properties(json_object());
    Json required(json_array());
    for (const FieldRule &field : fields) {
        json_object_set_new(
            properties.get(), field.name,
            pack("{s:s, s:s}", "type", type_name(field.kind), "description", field.about)
                .release());
        if (field.required)
            json_array_append_new(required.get(), json_string(field.name));
    }
    Json schema = pack("{s:s, s:O, s:b}", "type", "object", "properties", properties.get(),
                       "additionalProperties", 0);
    if (json_array_size(required.get()) > 0)
        json_object_set(schema.get(), "required", required.get());
    return schema;
}

} // namespace sidecar
