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
    switch (kind) {
    case FieldKind::flag:
        return "boolean";
    case FieldKind::object:
        return "object";
    case FieldKind::list:
        return "array";
    case FieldKind::count:
        return "integer";
    default:
        return "string";
    }
}

bool
has_type(const json_t *value, FieldKind kind)
{
    switch (kind) {
    case FieldKind::flag:
        return json_is_boolean(value);
    case FieldKind::object:
        return json_is_object(value);
    case FieldKind::list:
        return json_is_array(value);
    case FieldKind::count:
        return json_is_integer(value);
    default:
        return json_is_string(value);
    }
}

// A time such as 90s, 30m, 12h, 7d or 2w, as PostgreSQL reads it; nothing for another text.
std::optional<std::string>
interval_of(std::string_view text)
{
    const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
    const std::string_view unit = text.substr(end);
    const char *word = unit == "s"   ? " seconds"
                       : unit == "m" ? " minutes"
                       : unit == "h" ? " hours"
                       : unit == "d" ? " days"
                       : unit == "w" ? " weeks"
                                     : nullptr;
    if (end == 0 || end > 9 || word == nullptr)
        return std::nullopt;
    return std::string(text.substr(0, end)) + word;
}

// Throws invalid_field unless the value is what the rule says.
void
check(const FieldRule &field, const json_t *value)
{
    const std::string named = "field " + in_quotes(field.name);
    if (!has_type(value, field.kind))
        throw invalid_field(named + " must be of type " + type_name(field.kind));
    if (field.kind == FieldKind::time && !interval_of(json_string_value(value)))
        throw invalid_field(named + " must be a time such as 90s, 30m, 12h, 7d or 2w");
    if (field.kind == FieldKind::count &&
        (json_integer_value(value) < field.min || json_integer_value(value) > field.max))
        throw invalid_field(named + " must be a whole number from " + std::to_string(field.min) +
                            " to " + std::to_string(field.max));
}

// What a value of a query string is, as JSON.
Json
value_of(const FieldRule &field, const std::string &text)
{
    if (field.kind == FieldKind::count) {
        std::int64_t number = 0;
        const char *end = text.data() + text.size();
        const auto [rest, error] = std::from_chars(text.data(), end, number);
        return Json(error == std::errc() && rest == end ? json_integer(number)
                                                        : json_integer(field.min - 1));
    }
    if (field.kind == FieldKind::flag && (text == "true" || text == "false"))
        return Json(json_boolean(text == "true"));
    Json value = json_of(text);
    if (!value || text.find('\0') != std::string::npos)
        throw invalid_field("field " + in_quotes(field.name) + " is not valid UTF-8 text");
    return value;
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
        check(*field, value);
        json_object_set(object_.get(), name, value);
    }
    require_all(object_.get(), fields);
}

Input::Input(const std::vector<std::pair<std::string, std::string>> &pairs, Fieldset fields)
    : Input()
{
    for (const auto &[name, value] : pairs) {
        const FieldRule *field = find(fields, name);
        if (field == nullptr)
            refuse_unknown(fields, name);
        if (json_object_get(object_.get(), name.c_str()) != nullptr)
            throw invalid_field("field " + in_quotes(name) + " is given twice");
        Json given = value_of(*field, value);
        check(*field, given.get());
        json_object_set_new(object_.get(), name.c_str(), given.release());
    }
    require_all(object_.get(), fields);
}

Input
Input::part(Fieldset fields) const
{
    Input part;
    for (const FieldRule &field : fields)
        if (json_t *value = json_object_get(object_.get(), field.name))
            json_object_set(part.object_.get(), field.name, value);
    return part;
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
Input::document(const char *name) const
{
    json_t *value = json_object_get(object_.get(), name);
    if (value == nullptr)
        return std::nullopt;
    return json_text(Json(json_incref(value)));
}

std::optional<std::string>
Input::interval(const char *name) const
{
    const auto given = text(name);
    return given ? interval_of(*given) : std::nullopt;
}

std::optional<std::int64_t>
Input::count(const char *name) const
{
    return integer_member(object_, name);
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
schema_of(const FieldRule &field)
{
    Json schema = pack("{s:s, s:s}", "type", type_name(field.kind), "description", field.about);
    if (field.kind == FieldKind::time)
        json_object_set_new(schema.get(), "pattern", json_string("^[0-9]{1,9}[smhdw]$"));
    if (field.kind == FieldKind::count) {
        json_object_set_new(schema.get(), "minimum", json_integer(field.min));
        json_object_set_new(schema.get(), "maximum", json_integer(field.max));
    }
    if (field.shape != nullptr)
        json_object_update(schema.get(), parse_json(field.shape).get());
    return schema;
}

Json
schema_of(Fieldset fields)
{
    Json properties(json_object());
    Json required(json_array());
    for (const FieldRule &field : fields) {
        json_object_set_new(properties.get(), field.name, schema_of(field).release());
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
