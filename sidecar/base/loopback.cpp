// See loopback.hpp.
#include "base/loopback.hpp"

#include <algorithm>
#include <cctype>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace sidecar
{
namespace
{

bool
is_loopback_v4(const in_addr &address)
{
    return (ntohl(address.s_addr) >> 24) == IN_LOOPBACKNET;
}

bool
is_loopback_v6(const in6_addr &address)
{
    if (IN6_IS_ADDR_LOOPBACK(&address))
        return true;
    in_addr mapped{};
    std::copy_n(address.s6_addr + 12, 4, reinterpret_cast<unsigned char *>(&mapped.s_addr));
    return IN6_IS_ADDR_V4MAPPED(&address) && is_loopback_v4(mapped);
}

} // namespace

bool
is_loopback_address(std::string_view text)
{
    const std::string address(text);
    in_addr v4;
    in6_addr v6;
    if (inet_pton(AF_INET, address.c_str(), &v4) == 1)
        return is_loopback_v4(v4);
    return inet_pton(AF_INET6, address.c_str(), &v6) == 1 && is_loopback_v6(v6);
}

bool
is_loopback(std::string_view host)
{
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    constexpr std::string_view name = "localhost";
    return is_loopback_address(host) ||
           std::equal(host.begin(), host.end(), name.begin(), name.end(),
                      [](unsigned char a, char b) { return std::tolower(a) == b; });
}

} // namespace sidecar
