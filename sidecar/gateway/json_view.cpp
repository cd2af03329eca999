// See json_view.hpp.
#include "gateway/json_view.hpp"

#include <cstdint>

#include "gateway/json_scanner.hpp"

namespace sidecar::gateway
{
namespace
{

std::string_view
without_blanks(std::string_view text)
{
    const char *blanks = " \t\n\r";
    const std::size_t first = text.find_first_not_of(blanks);
    return first == std::string_view::npos
               ? std::string_view()
               : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

void
append_utf8(std::string &out, std::uint32_t code)
{
    if (code < 0x80) {
        out += static_cast<char>(code);
        return;
    }
    const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    constexpr unsigned char leads[] = {0, 0xC0, 0xE0, 0xF0};
    out += static_cast<char>(leads[more] | (code >> (6 * more)));
    for (int i = more - 1; i >= 0; i--)
        out += static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3F));
}

std::uint32_t
four_hex_digits(std::string_view text)
{
    std::uint32_t code = 0;
    for (const char c : text.substr(0, 4))
        code = code * 16 + static_cast<std::uint32_t>(JsonScanner::hex_digit(c));
    return code;
}

// Appends the character of the \u escape whose digits begin here; returns how many characters were
// used, 0 when it is half of a pair.
std::size_t
append_escaped(std::string &out, std::string_view digits)
{
    const std::uint32_t code = four_hex_digits(digits);
    if (code < 0xD800 || code > 0xDFFF) {
        append_utf8(out, code);
        return 4;
    }
    if (code > 0xDBFF || digits.substr(4, 2) != "\\u")
        return 0;
    const std::uint32_t low = four_hex_digits(digits.substr(6));
    if (low < 0xDC00 || low > 0xDFFF)
        return 0;
    append_utf8(out, 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00));
    return 10;
}

char
plain_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

std::optional<std::string>
unescaped(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); i++) {
        if (text[i] != '\\') {
            out += text[i];
        } else if (text[++i] != 'u') {
            out += plain_escape(text[i]);
        } else {
            const std::size_t used = append_escaped(out, text.substr(i + 1));
            if (used == 0)
                return std::nullopt;
            i += used;
        }
    }
    return out;
}

} // namespace

JsonView::JsonView(std::string_view text) : raw_(without_blanks(text))
{
}

JsonView::Kind
JsonView::kind() const
{
    switch (raw_.front()) {
    case 'n':
        return Kind::null;
    case 't':
    case 'f':
        return Kind::boolean;
    case '"':
        return Kind::string;
    case '[':
        return Kind::array;
    case '{':
        return Kind::object;
    default:
        return Kind::number;
    }
}

std::optional<std::string>
JsonView::text() const
{
    return unescaped(raw_.substr(1, raw_.size() - 2));
}

void
JsonView::each_item(const std::function<bool(JsonView)> &visit) const
{
    JsonScanner scanner(raw_);
    scanner.take('[');
    scanner.blanks();
    if (scanner.take(']'))
        return;
    do {
        const std::size_t from = scanner.at();
        scanner.value();
        if (!visit(JsonView(raw_.substr(from, scanner.at() - from))))
            return;
        scanner.blanks();
    } while (scanner.take(','));
}

void
JsonView::each_member(const std::function<bool(std::string_view, JsonView)> &visit) const
{
    JsonScanner scanner(raw_);
    scanner.take('{');
    scanner.blanks();
    if (scanner.take('}'))
        return;
    do {
        scanner.blanks();
        const std::size_t name = scanner.at();
        scanner.string();
        const std::string_view name_text = raw_.substr(name + 1, scanner.at() - name - 2);
        scanner.blanks();
        scanner.take(':');
        const std::size_t from = scanner.at();
        scanner.value();
        if (!visit(name_text, JsonView(raw_.substr(from, scanner.at() - from))))
            return;
        scanner.blanks();
    } while (scanner.take(','));
}

std::optional<JsonView>
JsonView::member(std::string_view name) const
{
    std::optional<JsonView> found;
    each_member([&](std::string_view written, JsonView value) {
        const bool same = written.find('\\') == std::string_view::npos ? written == name
                                                                       : unescaped(written) == name;
        if (same)
            found = value;
        return true;
    });
    return found;
}

} // namespace sidecar::gateway
