// See json_view.hpp.
#include "gateway/json_view.hpp"

#include <cstdint>

namespace sidecar::gateway
{
namespace
{

bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int
hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    c = static_cast<char>(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Goes over the tokens of a text. Each function returns whether its token stood there.
class Scanner
{
public:
    explicit Scanner(std::string_view text) : text_(text)
    {
    }

    // The value with everything in it; without recursion, so that no depth exhausts the stack.
    bool
    value()
    {
        std::string open; // the brackets that wait for their end
        for (;;) {
            blanks();
            if (take('{') || take('[')) {
                const char kind = text_[at_ - 1];
                blanks();
                if (!take(kind == '{' ? '}' : ']')) {
                    open += kind;
                    if (kind == '{' && !name())
                        return false;
                    continue;
                }
            } else if (!scalar()) {
                return false;
            }
            if (!close(open))
                return false;
            if (open.empty())
                return true;
        }
    }

    bool
    name()
    {
        blanks();
        if (!string())
            return false;
        blanks();
        return take(':');
    }

    bool
    number()
    {
        take('-');
        if (!take('0') && !digits())
            return false;
        if (take('.') && !digits())
            return false;
        if (take('e') || take('E')) {
            if (!take('+'))
                take('-');
            return digits();
        }
        return true;
    }

    bool
    string()
    {
        if (!take('"'))
            return false;
        while (at_ < text_.size()) {
            const char c = text_[at_++];
            if (c == '"')
                return true;
            if (static_cast<unsigned char>(c) < 0x20 || (c == '\\' && !escape()))
                return false;
        }
        return false;
    }

    void
    blanks()
    {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' ||
                                      text_[at_] == '\n' || text_[at_] == '\r'))
            at_++;
    }

    bool
    take(char c)
    {
        if (at_ >= text_.size() || text_[at_] != c)
            return false;
        at_++;
        return true;
    }

    std::size_t
    at() const
    {
        return at_;
    }

    bool
    at_end() const
    {
        return at_ == text_.size();
    }

private:
    // Behind a value: closes what ends here, and goes over the comma where there is more.
    bool
    close(std::string &open)
    {
        while (!open.empty()) {
            blanks();
            if (take(','))
                return open.back() == '[' || name();
            if (!take(open.back() == '{' ? '}' : ']'))
                return false;
            open.pop_back();
        }
        return true;
    }

    bool
    scalar()
    {
        if (at_ < text_.size() && text_[at_] == '"')
            return string();
        for (const std::string_view word : {"null", "true", "false"})
            if (text_.substr(at_, word.size()) == word) {
                at_ += word.size();
                return true;
            }
        return number();
    }

    bool
    digits()
    {
        const std::size_t from = at_;
        while (at_ < text_.size() && is_digit(text_[at_]))
            at_++;
        return at_ > from;
    }

    bool
    escape()
    {
        if (at_ >= text_.size())
            return false;
        const char c = text_[at_++];
        if (c != 'u')
            return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
        for (int i = 0; i < 4; i++, at_++)
            if (at_ >= text_.size() || hex_digit(text_[at_]) < 0)
                return false;
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

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
        code = code * 16 + static_cast<std::uint32_t>(hex_digit(c));
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

bool
is_json_text(std::string_view text)
{
    Scanner scanner(text);
    if (!scanner.value())
        return false;
    scanner.blanks();
    return scanner.at_end();
}

bool
is_json_number(std::string_view text)
{
    Scanner scanner(text);
    return scanner.number() && scanner.at_end();
}

bool
is_utf8(std::string_view text)
{
    for (std::size_t i = 0; i < text.size(); i++) {
        const auto lead = static_cast<unsigned char>(text[i]);
        if (lead < 0x80)
            continue;
        const std::size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (lead < 0xC2 || lead > 0xF4 || i + more >= text.size())
            return false;
        std::uint32_t code = lead & (0x3FU >> more);
        for (std::size_t k = 1; k <= more; k++) {
            const auto next = static_cast<unsigned char>(text[i + k]);
            if ((next & 0xC0) != 0x80)
                return false;
            code = code << 6 | (next & 0x3F);
        }
        constexpr std::uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
            return false;
        i += more;
    }
    return true;
}

void
append_json_string(std::string &out, std::string_view text)
{
    constexpr std::string_view hex = "0123456789abcdef";
    out += '"';
    std::size_t from = 0;
    for (std::size_t i = 0; i < text.size(); i++) {
        const char c = text[i];
        const bool control = static_cast<unsigned char>(c) < 0x20;
        if (!control && c != '"' && c != '\\')
            continue;
        out.append(text, from, i - from);
        from = i + 1;
        const std::size_t known = std::string_view("\"\\\n\r\t\b\f").find(c);
        out += '\\';
        if (known != std::string_view::npos) {
            out += "\"\\nrtbf"[known];
        } else {
            out += "u00";
            out += hex[static_cast<unsigned char>(c) >> 4];
            out += hex[static_cast<unsigned char>(c) & 15];
        }
    }
    out.append(text, from);
    out += '"';
}

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
    Scanner scanner(raw_);
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
    Scanner scanner(raw_);
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
