// The servers of a DSN: which are local, which are the same. See dsn.hpp.
#include <algorithm>
#include <cctype>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/loopback.hpp"
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
