// What a request may say: tables of fields, by which bodies, query strings and the arguments of MCP
// tools are read, and from which their JSON schemas are made. A field that no table names is
// refused.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.hpp"

namespace sidecar
{

// A count is a whole number, a time a text such as 30m; a list has objects in it.
enum class FieldKind { text, flag, object, list, count, time };

struct FieldRule {
    const char *name;
    FieldKind kind;
    bool required;
    const char *about;
    const char *shape = nullptr; // what its JSON schema says beyond type and description, as JSON
    std::int64_t min = 0;        // of a count
    std::int64_t max = 0;
};

using Fieldset = std::span<const FieldRule>;

// The fields of one request; a field that is null counts as absent.
class Input
{
public:
    Input() : object_(json_object())
    {
    }

    // Takes what the table allows. Throws invalid_field, naming the field.
    Input(const json_t *object, Fieldset fields);

    // Takes the pairs of a query string.
    Input(const std::vector<std::pair<std::string, std::string>> &pairs, Fieldset fields);

    // What it has of these fields.
    Input part(Fieldset fields) const;

    std::optional<std::string> text(const char *name) const;
    bool flag(const char *name, bool fallback) const;

    // An object or a list as JSON text.
    std::optional<std::string> document(const char *name) const;

    // A time as PostgreSQL reads an interval.
    std::optional<std::string> interval(const char *name) const;

    std::optional<std::int64_t> count(const char *name) const;

private:
    Json object_;
};

// The JSON object in a request's body. Throws invalid_json: malformed, not UTF-8, a duplicate key,
// nested more than 32 deep, or not an object.
Json parse_object(std::string_view body);

// The JSON schema of a field.
Json schema_of(const FieldRule &field);

// The JSON schema of an object with these fields and no others.
Json schema_of(Fieldset fields);

} // namespace sidecar
