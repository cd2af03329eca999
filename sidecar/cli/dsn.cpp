// See dsn.hpp.
#include "cli/dsn.hpp"

#include "base/text.hpp"
#include "cli/client.hpp"
#include "cli/exit_codes.hpp"

namespace sidecar::cli
{

Dsn
dsn_of(const std::string &url)
{
    const std::size_t user = url.find("://");
    const std::size_t at = url.find('@');
    const std::size_t colon = user == std::string::npos ? user : url.find(':', user + 3);
    if (at == std::string::npos || colon == std::string::npos || colon > at)
        throw Refusal(exit_codes::unreachable, "the server has handed out no password");
    Dsn dsn;
    dsn.url = url.substr(0, colon) + url.substr(at);
    dsn.password = Secret(percent_decode(url.substr(colon + 1, at - colon - 1)));
    return dsn;
}

Secret
password_line(const Secret &password)
{
    std::string line = "*:*:*:*:";
    for (const char c : password.reveal()) {
        if (c == ':' || c == '\\')
            line += '\\';
        line += c;
    }
    return Secret(line + "\n");
}

} // namespace sidecar::cli
