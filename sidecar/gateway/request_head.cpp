// See request_head.hpp.
#include "gateway/request_head.hpp"

#include <algorithm>

#include <arpa/inet.h>

#include "base/text.hpp"
#include "platform/problem.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr std::size_t max_request_id = 64;
constexpr std::size_t max_idempotency_key = 255;

bool
is_request_id(std::string_view text)
{
    return !text.empty() && text.size() <= max_request_id &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-';
           });
}

bool
is_address(const std::string &text)
{
    in6_addr address{};
    if (text.find('\0') != std::string::npos) // which would end it for inet_pton
        return false;
    return inet_pton(AF_INET, text.c_str(), &address) == 1 ||
           inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

} // namespace

std::string
request_id_of(const Request &request)
{
    const std::string_view own = request.header("x-request-id");
    if (is_request_id(own))
        return std::string(own);
    std::string id = random_uuid();
    std::erase(id, '-');
    return id;
}

std::optional<std::string>
idempotency_key_of(const Request &request)
{
    const auto found = request.headers.find("idempotency-key");
    if (found == request.headers.end())
        return std::nullopt;
    return checked_idempotency_key(found->second);
}

std::string
checked_idempotency_key(const std::string &key)
{
    const bool printable =
        std::all_of(key.begin(), key.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (key.empty() || key.size() > max_idempotency_key || !printable)
        throw invalid_field("an Idempotency-Key must be 1 to 255 printable ASCII characters");
    return key;
}

// No method and no path has a line's end, so no two requests are written alike.
std::string
request_hash_of(const Request &request)
{
    if (request.headers.count("idempotency-key") == 0)
        return {};
    const std::string path(path_of(request));
    return "\\x" + sha256_hex(request.method + "\n" + path + "\n" + request.body);
}

std::string
client_address_of(const Request &request, std::string_view peer, bool trust_proxy)
{
    if (trust_proxy && request.local) {
        std::string said(request.header("x-real-ip"));
        if (said.empty()) {
            const std::string_view all = request.header("x-forwarded-for");
            said = all.substr(0, all.find_first_of(", "));
        }
        if (is_address(said))
            return said;
    }
    return std::string(peer);
}

} // namespace sidecar::gateway
