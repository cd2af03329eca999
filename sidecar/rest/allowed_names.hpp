// Under which names a browser may reach the API, and whose pages may call it. Without such a rule
// a page of anybody could have its own name resolve to this machine (DNS rebinding) and speak for
// whoever sits before the browser.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/message.hpp"

namespace sidecar
{

struct AllowedNames {
    std::vector<std::string> hosts;   // besides loopback; without a port
    std::vector<std::string> origins; // as a browser sends them: scheme://host[:port]
};

// Returns the host of a Host header or of an origin's authority, without its port; "" when the text
// is none.
std::string_view host_of(std::string_view authority);

// Returns whether the text can be an allowed origin: a scheme, a host, perhaps a port, no path.
bool is_origin(std::string_view text);

// Throws a Problem, 403, unless the request's Host is loopback or allowed.
void check_host(const AllowedNames &names, const Request &request);

// Throws a Problem, 403, when the request comes from a page whose origin is not allowed. Pages of
// this machine's own need not be named where loopback_may says so.
void check_origin(const AllowedNames &names, const Request &request, bool loopback_may);

} // namespace sidecar
