// What of a DSN may be shown. A password that stands in the wrong place must not be part of it.
#pragma once

#include <string>
#include <string_view>

namespace sidecar
{

// A user, a database or a host on one line, cut where a password that went astray may begin.
std::string presentable_name(std::string_view name);
std::string presentable_host(std::string_view host);

} // namespace sidecar
