// See presentable.hpp.
#include "check_env/presentable.hpp"

#include "base/text.hpp"

namespace sidecar
{

// A user "name:password" comes from a URI whose colon was encoded, a database name with a colon
// from a DSN within a DSN.
std::string
presentable_name(std::string_view name)
{
    const std::size_t colon = name.find(':');
    return clean_text(name.substr(0, colon)) + (colon == std::string_view::npos ? "" : ":***");
}

std::string
presentable_host(std::string_view host)
{
    const bool may_be_address =
        host.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
    return may_be_address ? std::string(host) : presentable_name(host);
}

} // namespace sidecar
