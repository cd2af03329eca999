// See json_text.hpp.
#include "gateway/json_text.hpp"

#include <cstdint>

#include "gateway/json_scanner.hpp"

namespace sidecar::gateway
{

bool
is_json_text(std::string_view text)
{
    JsonScanner scanner(text);
    if (!scanner.value())
        return false;
    scanner.blanks();
    return scanner.at_end();
}

bool
is_json_number(std::string_view text)
{
    JsonScanner scanner(text);
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

} // namespace sidecar::gateway
