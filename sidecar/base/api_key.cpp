// See api_key.hpp.
#include "base/api_key.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace sidecar
{
namespace
{

constexpr std::string_view prefix = "acd_";
constexpr std::string_view scheme = "bearer";
constexpr std::size_t id_size = 16;
constexpr std::size_t secret_size = 32;

bool
is_base64url(std::string_view text)
{
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
}

bool
is_env(std::string_view text)
{
    return text == "dev" || text == "live" || text == "test";
}

std::string_view
trimmed(std::string_view text)
{
    const auto is_blank = [](char c) {
        return c == ' ' || c == '\t';
    };
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

} // namespace

std::optional<ApiKey>
parse_api_key(std::string_view text)
{
    if (!text.starts_with(prefix))
        return std::nullopt;
    text.remove_prefix(prefix.size());
    const std::size_t end = text.find('_');
    if (end == std::string_view::npos || !is_env(text.substr(0, end)))
        return std::nullopt;
    const std::string_view env = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (text.size() != id_size + 1 + secret_size || text[id_size] != '_')
        return std::nullopt;
    const std::string_view id = text.substr(0, id_size);
    const std::string_view secret = text.substr(id_size + 1);
    if (!is_base64url(id) || !is_base64url(secret))
        return std::nullopt;
    return ApiKey{std::string(env), std::string(id), "\\x" + sha256_hex(secret)};
}

std::string_view
key_in_header(std::string_view header)
{
    header = trimmed(header);
    const bool has_scheme = header.size() > scheme.size() &&
                            std::equal(scheme.begin(), scheme.end(), header.begin(),
                                       [](char lower, char c) { return lower == (c | 0x20); }) &&
                            (header[scheme.size()] == ' ' || header[scheme.size()] == '\t');
    return has_scheme ? trimmed(header.substr(scheme.size())) : header;
}

} // namespace sidecar
