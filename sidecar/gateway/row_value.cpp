// See row_value.hpp.
#include "gateway/row_value.hpp"

#include <optional>

#include "gateway/json_text.hpp"
#include "platform/problem.hpp"

namespace sidecar::gateway
{
namespace
{

void append_value(std::string &out, std::string_view text, const Type &type, const Types &types);

int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The bytes that \x and hex stand for.
std::optional<std::string>
bytes_of_hex(std::string_view text)
{
    std::string bytes;
    if (text.size() % 2 != 0)
        return std::nullopt;
    for (std::size_t i = 2; i < text.size(); i += 2) {
        const int high = hex_value(text[i]);
        const int low = hex_value(text[i + 1]);
        if (high < 0 || low < 0)
            return std::nullopt;
        bytes += static_cast<char>(high * 16 + low);
    }
    return bytes;
}

// The bytes that bytea's older format stands for; it doubles backslashes, so it never begins as the
// other does.
std::optional<std::string>
bytes_of_escapes(std::string_view text)
{
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); i++) {
        if (text[i] != '\\') {
            bytes += text[i];
        } else if (text.substr(i, 2) == "\\\\") {
            bytes += '\\';
            i++;
        } else {
            const std::string_view octal = text.substr(i + 1, 3);
            if (octal.size() != 3 || octal.find_first_not_of("01234567") != octal.npos)
                return std::nullopt;
            bytes +=
                static_cast<char>((octal[0] - '0') * 64 + (octal[1] - '0') * 8 + octal[2] - '0');
            i += 3;
        }
    }
    return bytes;
}

void
append_base64(std::string &out, std::string_view bytes)
{
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto at = [&](std::size_t i) {
        return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U;
    };
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const unsigned group = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
        out += alphabet[group >> 18];
        out += alphabet[group >> 12 & 63];
        out += i + 1 < bytes.size() ? alphabet[group >> 6 & 63] : '=';
        out += i + 2 < bytes.size() ? alphabet[group & 63] : '=';
    }
}

void
append_bytes(std::string &out, std::string_view text)
{
    const auto bytes = text.starts_with("\\x") ? bytes_of_hex(text) : bytes_of_escapes(text);
    if (!bytes) {
        append_json_string(out, text);
        return;
    }
    out += '"';
    append_base64(out, *bytes);
    out += '"';
}

// Whether text is 2024-05-06 07:08:09[.123456]+00.
bool
is_instant(std::string_view text)
{
    constexpr std::string_view form = "dddd-dd-dd dd:dd:dd";
    if (text.size() < form.size() + 3 || !text.ends_with("+00"))
        return false;
    for (std::size_t i = 0; i < form.size(); i++)
        if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return false;
    const std::string_view rest = text.substr(form.size(), text.size() - form.size() - 3);
    return rest.empty() || (rest.size() > 1 && rest[0] == '.' &&
                            rest.find_first_not_of("0123456789", 1) == rest.npos);
}

void
append_instant(std::string &out, std::string_view text)
{
    if (!is_instant(text)) {
        append_json_string(out, text);
        return;
    }
    out += '"';
    out.append(text.substr(0, 10)).append("T").append(text.substr(11, text.size() - 14));
    out += "Z\"";
}

// Reads an array literal and writes it as JSON on the way.
class ArrayReader
{
public:
    ArrayReader(std::string_view text, const Type &type, const Types &types)
        : text_(text), delimiter_(type.delimiter), types_(types)
    {
        const Type *element = types.find(type.element);
        if (element != nullptr)
            element_ = *element;
    }

    // Returns the array as JSON; nothing when the text is no array.
    std::optional<std::string>
    read()
    {
        if (text_.starts_with('[')) { // lower bounds
            const std::size_t equals = text_.find('=');
            if (equals == std::string_view::npos)
                return std::nullopt;
            at_ = equals + 1;
        }
        if (!level(1) || at_ != text_.size())
            return std::nullopt;
        return std::move(out_);
    }

private:
    bool
    level(int depth)
    {
        if (depth > max_depth || !take('{'))
            return false;
        out_ += '[';
        if (!take('}')) {
            do {
                if (out_.back() != '[')
                    out_ += ',';
                if (!(at_ < text_.size() && text_[at_] == '{' ? level(depth + 1) : element()))
                    return false;
            } while (take(delimiter_));
            if (!take('}'))
                return false;
        }
        out_ += ']';
        return true;
    }

    bool
    element()
    {
        std::string value;
        const bool quoted = take('"');
        while (at_ < text_.size() && (quoted ? text_[at_] != '"' : !ends_here())) {
            if (text_[at_] == '\\')
                at_++;
            if (at_ < text_.size())
                value += text_[at_++];
        }
        if ((quoted && !take('"')) || (!quoted && value.empty()))
            return false;
        if (!quoted && value == "NULL")
            out_ += "null";
        else
            append_value(out_, value, element_, types_);
        return true;
    }

    bool
    ends_here() const
    {
        return text_[at_] == delimiter_ || text_[at_] == '}' || text_[at_] == '{' ||
               text_[at_] == '"';
    }

    bool
    take(char c)
    {
        if (at_ >= text_.size() || text_[at_] != c)
            return false;
        at_++;
        return true;
    }

    static constexpr int max_depth = 6;

    std::string_view text_;
    char delimiter_;
    const Types &types_;
    Type element_;
    std::size_t at_ = 0;
    std::string out_;
};

void
append_array(std::string &out, std::string_view text, const Type &type, const Types &types)
{
    if (const auto array = ArrayReader(text, type, types).read())
        out += *array;
    else
        append_json_string(out, text);
}

void
append_value(std::string &out, std::string_view text, const Type &type, const Types &types)
{
    switch (type.form) {
    case Type::Form::integer:
    case Type::Form::number:
        if (is_json_number(text))
            out += text;
        else
            append_json_string(out, text);
        return;
    case Type::Form::boolean:
        out += text == "t" ? "true" : "false";
        return;
    case Type::Form::json:
        if (is_json_text(text))
            out += text;
        else
            append_json_string(out, text);
        return;
    case Type::Form::bytes:
        append_bytes(out, text);
        return;
    case Type::Form::instant:
        append_instant(out, text);
        return;
    case Type::Form::array:
        append_array(out, text, type, types);
        return;
    default:
        append_json_string(out, text);
    }
}

} // namespace

void
append_row_value(std::string &out, std::string_view text, Oid id, const Types &types)
{
    if (!is_utf8(text))
        throw Problem(400, "invalid_input", "a value of the answer is not valid UTF-8");
    const Type *type = types.find(id);
    append_value(out, text, type != nullptr ? *type : Type(), types);
}

} // namespace sidecar::gateway
