// See text.hpp.
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdio>

#include <openssl/rand.h>
#include <openssl/sha.h>

#include "base/failure.hpp"
#include "base/hex.hpp"

namespace sidecar
{
namespace
{

constexpr std::string_view replacement = "\xEF\xBF\xBD"; // U+FFFD

bool
is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

// The length of the well-formed UTF-8 sequence at the start of text, 0 when there is none; sets its
// code point.
std::size_t
utf8_length(std::string_view text, std::uint32_t &point)
{
    const auto byte = [&](std::size_t i) {
        return static_cast<unsigned char>(text[i]);
    };
    const unsigned char lead = byte(0);
    std::size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (lead > 0xF4 || length == 0 || length > text.size())
        return 0;
    point = length == 1 ? lead : lead & (0xFF >> (length + 1));
    for (std::size_t i = 1; i < length; i++) {
        if ((byte(i) & 0xC0) != 0x80)
            return 0;
        point = point << 6 | (byte(i) & 0x3F);
    }
    const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    return overlong || surrogate || point > 0x10FFFF ? 0 : length;
}

} // namespace

std::string
percent_encode(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (is_unreserved(byte)) {
            out += c;
        } else {
            out += '%';
            out += "0123456789ABCDEF"[byte >> 4];
            out += "0123456789ABCDEF"[byte & 15];
        }
    }
    return out;
}

std::string
percent_decode(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); i++) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low >= 0) {
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

namespace
{

// The text as valid UTF-8 without control characters, but for those that are kept.
std::string
without_controls(std::string_view text, std::string_view kept)
{
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        std::uint32_t point = 0;
        const std::size_t length = utf8_length(text.substr(i), point);
        if (length == 0) {
            out += replacement;
            i++;
            continue;
        }
        const bool control = point < 0x20 || (point >= 0x7F && point <= 0x9F);
        if (!control || kept.find(text[i]) != std::string_view::npos)
            out += text.substr(i, length);
        i += length;
    }
    return out;
}

} // namespace

std::string
clean_text(std::string_view text)
{
    return without_controls(text, {});
}

std::string
clean_lines(std::string_view text)
{
    return without_controls(text, "\n");
}

std::string
cut_text(std::string_view text, std::size_t limit)
{
    if (text.size() <= limit)
        return std::string(text);
    std::size_t end = limit;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
        end--;
    return std::string(text.substr(0, end));
}

std::string
random_uuid()
{
    std::array<unsigned char, 16> bytes;
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
        throw Failure(Failure::Kind::retry, "no random bytes to be had");
    bytes[6] = (bytes[6] & 0x0F) | 0x40;
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    std::string out = hex({reinterpret_cast<const char *>(bytes.data()), bytes.size()});
    for (const std::size_t at : {8, 13, 18, 23})
        out.insert(at, 1, '-');
    return out;
}

std::string
sha256_hex(std::string_view text)
{
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
    SHA256(reinterpret_cast<const unsigned char *>(text.data()), text.size(), digest.data());
    return hex({reinterpret_cast<const char *>(digest.data()), digest.size()});
}

bool
is_variable_name(std::string_view text)
{
    const auto letter = [](char c) {
        return (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !text.empty() && text.size() <= 128 && letter(text[0]) &&
           std::all_of(text.begin(), text.end(),
                       [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::vector<std::string>
words_of(const std::string &text)
{
    std::vector<std::string> words;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        if (comma > at)
            words.push_back(text.substr(at, comma - at));
        at = comma + 1;
    }
    return words;
}

} // namespace sidecar
