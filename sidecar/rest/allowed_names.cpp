// See allowed_names.hpp.
#include "rest/allowed_names.hpp"

#include <algorithm>
#include <cctype>

#include "base/loopback.hpp"
#include "platform/problem.hpp"

namespace sidecar
{
namespace
{

constexpr std::string_view digits = "0123456789";

bool
same_text(std::string_view one, std::string_view other)
{
    return std::equal(
        one.begin(), one.end(), other.begin(), other.end(),
        [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

bool
contains(const std::vector<std::string> &list, std::string_view text)
{
    return std::any_of(list.begin(), list.end(),
                       [&](const std::string &one) { return same_text(one, text); });
}

// Returns what follows "scheme://", or "" when nothing does.
std::string_view
authority_of(std::string_view origin)
{
    const std::size_t scheme = origin.find("://");
    return scheme == std::string_view::npos || scheme == 0 ? std::string_view()
                                                           : origin.substr(scheme + 3);
}

} // namespace

std::string_view
host_of(std::string_view authority)
{
    const std::size_t end = authority.starts_with('[')
                                ? std::min(authority.find(']'), authority.size() - 1) + 1
                                : std::min(authority.find(':'), authority.size());
    const std::string_view host = authority.substr(0, end);
    const std::string_view port = authority.substr(end);
    const bool good_port =
        port.empty() ||
        (port.front() == ':' && port.find_first_not_of(digits, 1) == std::string_view::npos);
    const bool good_host = host.find_first_of("/@\\?# ,") == std::string_view::npos;
    return good_port && good_host ? host : std::string_view();
}

bool
is_origin(std::string_view text)
{
    return !host_of(authority_of(text)).empty();
}

void
check_host(const AllowedNames &names, const Request &request)
{
    const std::string_view host = host_of(request.header("host"));
    if (host.empty() || !(is_loopback(host) || contains(names.hosts, host)))
        throw Problem(403, "forbidden", "the API is not reached by this name");
}

void
check_origin(const AllowedNames &names, const Request &request, bool loopback_may)
{
    if (!request.headers.contains("origin"))
        return;
    const std::string_view origin = request.header("origin");
    if (contains(names.origins, origin) ||
        (loopback_may && is_loopback(host_of(authority_of(origin)))))
        return;
    throw Problem(403, "forbidden", "pages of this origin may not call");
}

} // namespace sidecar
