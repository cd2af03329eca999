// See parameter.hpp.
#include "gateway/parameter.hpp"

#include <algorithm>
#include <charconv>

#include "platform/problem.hpp"

namespace sidecar::gateway
{
namespace
{

using Kind = JsonView::Kind;

constexpr int max_digits = 40; // more than any integer type has: the rest is PostgreSQL's to refuse

// A number's digits without point and exponent when it is whole and not too long.
std::optional<std::string>
whole_number(std::string_view text)
{
    const std::size_t e = text.find_first_of("eE");
    int exponent = 0;
    if (e != std::string_view::npos) {
        const char *from = text.data() + e + 1 + (text[e + 1] == '+' ? 1 : 0);
        if (std::from_chars(from, text.data() + text.size(), exponent).ec != std::errc() ||
            exponent > max_digits || exponent < -max_digits)
            return std::nullopt;
    }
    std::string_view mantissa = text.substr(0, e);
    const std::string sign = mantissa.front() == '-' ? "-" : "";
    mantissa.remove_prefix(sign.size());
    const std::size_t point = mantissa.find('.');
    std::string digits(mantissa.substr(0, point));
    if (point != std::string_view::npos) {
        const std::string_view fraction = mantissa.substr(point + 1);
        digits += fraction;
        exponent -= static_cast<int>(fraction.size());
    }
    for (; exponent < 0; exponent++) {
        if (digits.back() != '0')
            return std::nullopt;
        if (digits.size() > 1)
            digits.pop_back();
    }
    digits.append(static_cast<std::size_t>(exponent), '0');
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
    return digits == "0" ? digits : sign + digits;
}

Problem
unfit(int number, const char *why)
{
    return {400, "invalid_input", "parameter $" + std::to_string(number) + " " + why};
}

class Writer
{
public:
    Writer(const Types &types, int number) : types_(types), number_(number)
    {
    }

    // The text of a value that is not null.
    std::string
    text_of(JsonView value, const Type &type) const
    {
        switch (value.kind()) {
        case Kind::string:
            return string_of(value);
        case Kind::number:
            return type.form == Type::Form::integer
                       ? whole_number(value.raw()).value_or(std::string(value.raw()))
                       : std::string(value.raw());
        case Kind::array:
            return array_of(value, type);
        default:
            return std::string(value.raw());
        }
    }

private:
    std::string
    string_of(JsonView value) const
    {
        auto text = value.text();
        if (!text || text->find('\0') != std::string::npos)
            throw unfit(number_, "has a character that no text can hold");
        return std::move(*text);
    }

    std::string
    array_of(JsonView value, const Type &type) const
    {
        if (type.form == Type::Form::json || type.form == Type::Form::vector)
            return std::string(value.raw());
        if (type.form != Type::Form::array)
            throw unfit(number_, "is an array, and its type is not one");
        const Type *element = types_.find(type.element);
        return literal_of(value, element != nullptr ? *element : Type(), type.delimiter, 1);
    }

    std::string
    literal_of(JsonView value, const Type &element, char delimiter, int depth) const
    {
        if (depth > max_dimensions)
            throw unfit(number_, "has more dimensions than an array may have");
        const bool holds_arrays =
            element.form == Type::Form::json || element.form == Type::Form::vector;
        std::string literal = "{";
        value.each_item([&](JsonView item) {
            if (literal.size() > 1)
                literal += delimiter;
            if (item.kind() == Kind::null)
                literal += "NULL";
            else if (item.kind() == Kind::array && !holds_arrays)
                literal += literal_of(item, element, delimiter, depth + 1);
            else
                append_quoted(literal, text_of(item, element));
            return true;
        });
        return literal + "}";
    }

    static void
    append_quoted(std::string &literal, std::string_view text)
    {
        literal += '"';
        for (const char c : text) {
            if (c == '"' || c == '\\')
                literal += '\\';
            literal += c;
        }
        literal += '"';
    }

    static constexpr int max_dimensions = 6; // PostgreSQL's own limit

    const Types &types_;
    int number_;
};

} // namespace

bool
fits_any_type(JsonView value)
{
    switch (value.kind()) {
    case Kind::null:
    case Kind::boolean:
    case Kind::string:
        return true;
    case Kind::number:
        return value.raw().find_first_of(".eE") == std::string_view::npos;
    default:
        return false;
    }
}

std::optional<std::string>
parameter_text(JsonView value, Oid id, const Types &types, int number)
{
    if (value.kind() == Kind::null)
        return std::nullopt;
    const Type *type = types.find(id);
    return Writer(types, number).text_of(value, type != nullptr ? *type : Type());
}

Parameters
parameter_texts(const std::vector<JsonView> &values, const PGresult *description,
                const Types &types)
{
    constexpr Oid text_type = 25;
    Parameters texts;
    int place = 0;
    for (const JsonView &value : values) {
        const Oid type = description != nullptr ? PQparamtype(description, place) : text_type;
        texts.push_back(parameter_text(value, type, types, ++place));
    }
    return texts;
}

} // namespace sidecar::gateway
