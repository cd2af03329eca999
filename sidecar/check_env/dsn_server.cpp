// The servers of a DSN: which are local, which are the same. See dsn.hpp.
#include <algorithm>
#include <cctype>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "check_env/dsn.hpp"

namespace sidecar
{
namespace
{

std::string
lower_case(std::string text)
{
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

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

// 127.0.0.0/8 and ::1, also as ::ffff:127.x.y.z. Only the usual notation counts: how 127.1 is read
// differs from client to client.
bool
is_loopback_address(const std::string &text)
{
    in_addr v4;
    in6_addr v6;
    if (inet_pton(AF_INET, text.c_str(), &v4) == 1)
        return is_loopback_v4(v4);
    return inet_pton(AF_INET6, text.c_str(), &v6) == 1 && is_loopback_v6(v6);
}

bool
is_loopback(const std::string &host)
{
    return is_loopback_address(host) || lower_case(host) == "localhost";
}

// One text for all ways to write an address or a host name.
std::string
canonical(const std::string &host)
{
    if (is_loopback(host))
        return "loopback";
    in6_addr address;
    char text[INET6_ADDRSTRLEN];
    if (inet_pton(AF_INET6, host.c_str(), &address) == 1)
        return inet_ntop(AF_INET6, &address, text, sizeof text);
    const bool socket = host.starts_with('/') || host.starts_with('@');
    return socket ? host : lower_case(host);
}

} // namespace

bool
DsnServer::is_local() const
{
    if (!address.empty())
        return is_loopback_address(address);
    return host.empty() || host[0] == '/' || host[0] == '@' || is_loopback(host);
}

bool
DsnServer::is_same_as(const DsnServer &other) const
{
    if (port != other.port)
        return false;
    if (!address.empty() && !other.address.empty())
        return canonical(address) == canonical(other.address);
    // Where only one of them has an address, the names decide if both have one.
    const bool named = !host.empty() && !other.host.empty();
    const auto place = [&](const DsnServer &server) {
        return canonical(named || server.address.empty() ? server.host : server.address);
    };
    return place(*this) == place(other);
}

std::string
DsnServer::name() const
{
    if (!host.empty())
        return host;
    return address.empty() ? "(default)" : address;
}

} // namespace sidecar
