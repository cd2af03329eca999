// See dsn.hpp.
#include "check_env/dsn.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "check_env/dsn_parameters.hpp"
#include "postgres/conninfo.hpp"

namespace sidecar
{
namespace
{

// libpq's options for one DSN, and what stands in for those it leaves out.
class Settings
{
public:
    Settings(const ConninfoOptions &options, const EnvLookup &lookup)
        : options_(options.get()), lookup_(lookup)
    {
    }

    // What the DSN itself says, or nothing.
    std::optional<std::string>
    own(std::string_view keyword) const
    {
        const PQconninfoOption *option = find(keyword);
        if (option == nullptr || option->val == nullptr)
            return std::nullopt;
        return option->val;
    }

    // What libpq would use. With a service, what the DSN leaves out is unknown and empty.
    std::string
    effective(std::string_view keyword) const
    {
        if (const auto value = own(keyword))
            return *value;
        const PQconninfoOption *option = find(keyword);
        if (option == nullptr || (keyword != "service" && !effective("service").empty()))
            return {};
        if (option->envvar != nullptr)
            if (const auto value = lookup_(option->envvar))
                return *value;
        return option->compiled != nullptr ? option->compiled : "";
    }

    // The port where a list of ports leaves one out; the variable does not count there.
    std::string
    default_port() const
    {
        const PQconninfoOption *port = find("port");
        return port != nullptr && port->compiled != nullptr ? port->compiled : "";
    }

private:
    const PQconninfoOption *
    find(std::string_view keyword) const
    {
        for (const PQconninfoOption *option = options_; option->keyword != nullptr; option++)
            if (option->keyword == keyword)
                return option;
        return nullptr;
    }

    const PQconninfoOption *options_;
    const EnvLookup &lookup_;
};

std::vector<std::string>
split(const std::string &list)
{
    std::vector<std::string> parts;
    for (std::size_t at = 0;; at++) {
        const std::size_t comma = std::min(list.find(',', at), list.size());
        parts.push_back(list.substr(at, comma - at));
        if (comma == list.size())
            return parts;
        at = comma;
    }
}

bool
is_port(const std::string &text)
{
    int port = 0;
    const char *end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, port);
    return error == std::errc() && rest == end && port >= 1 && port <= 65535;
}

// Whether every % begins an encoded byte that is not zero.
bool
is_well_encoded(std::string_view uri)
{
    const auto is_hex = [](char c) {
        return std::isxdigit(static_cast<unsigned char>(c)) != 0;
    };
    for (std::size_t at = uri.find('%'); at != std::string_view::npos; at = uri.find('%', at + 1))
        if (at + 2 >= uri.size() || !is_hex(uri[at + 1]) || !is_hex(uri[at + 2]) ||
            uri.substr(at, 3) == "%00")
            return false;
    return true;
}

// Why libpq cannot parse a text. Its own words are not used: they quote what may be a password.
DsnDefect
why_unreadable(std::string_view text)
{
    if (text.starts_with('"') || text.starts_with('\''))
        return {"it begins with a quote that has become part of the value",
                "remove the quotes, or have the file read by something that understands them"};
    if (!is_uri(text) &&
        (text.find('=') == std::string_view::npos || text.find("://") < text.find('=')))
        return {"it is neither a postgres:// or postgresql:// URI nor a keyword string",
                "write postgresql://user:password@host:port/database"};
    if (!is_uri(text))
        return {"libpq cannot parse this keyword string",
                "write keyword=value, with values that have blanks in single quotes"};
    if (!is_well_encoded(text))
        return {"a % in it is not followed by two hexadecimal digits other than 00",
                "percent-encode user, password and database name; % itself is %25"};
    return {"libpq cannot parse this URI",
            "percent-encode what is special in user, password and parameters, put IPv6 addresses "
            "into brackets, and use only parameters of libpq"};
}

// Whether libpq takes a URI apart in a place its writer did not mean: with a slash in the password
// the credentials become a host, a port and a database name.
bool
has_slash_in_credentials(std::string_view text)
{
    if (!is_uri(text))
        return false;
    std::string_view rest = text.substr(text.find("://") + 3);
    rest = rest.substr(0, rest.find('?'));
    const std::size_t at = rest.find('@');
    return at != std::string_view::npos && rest.find('/') < at;
}

std::optional<DsnDefect>
add_servers(Dsn &dsn, const Settings &settings)
{
    const std::string port = settings.effective("port");
    const std::vector<std::string> hosts = split(settings.effective("host"));
    const std::vector<std::string> addresses = split(settings.effective("hostaddr"));
    const std::vector<std::string> ports = split(port);
    const bool by_address = addresses != std::vector<std::string>{""};
    const bool by_host = hosts != std::vector<std::string>{""};
    const std::size_t count = by_address ? addresses.size() : hosts.size();
    if ((by_address && by_host && hosts.size() != count) ||
        (ports.size() != 1 && ports.size() != count))
        return DsnDefect{"its hosts, addresses and ports do not match in number",
                         "give one port for all hosts, or one for each"};
    for (std::size_t i = 0; i < count; i++) {
        DsnServer server;
        server.host = by_host ? hosts[i] : "";
        server.address = by_address ? addresses[i] : "";
        server.port = ports.size() == 1 ? ports[0] : ports[i];
        if (server.port.empty() && dsn.service.empty())
            server.port = settings.default_port();
        if (!server.port.empty() && !is_port(server.port))
            return DsnDefect{"its port is not a number from 1 to 65535",
                             "correct the port; a : or / in the password must be percent-encoded"};
        if (server.host.find('@', 1) != std::string::npos)
            return DsnDefect{"its host has an @ in it",
                             "percent-encode an @ in user or password as %40"};
        dsn.servers.push_back(std::move(server));
    }
    return std::nullopt;
}

} // namespace

bool
Dsn::may_leave(const DsnServer &server) const
{
    return !server.is_local() || (!service.empty() && server.address.empty());
}

bool
Dsn::demands_tls() const
{
    return sslmode == "require" || sslmode == "verify-ca" || sslmode == "verify-full";
}

std::variant<Dsn, DsnDefect>
read_dsn(std::string_view text, const EnvLookup &lookup)
{
    const ConninfoOptions options = parse_conninfo(text);
    if (!options)
        return why_unreadable(text);
    if (has_slash_in_credentials(text))
        return DsnDefect{"a / comes before the @, so that libpq finds no user in it",
                         "percent-encode a / in user or password as %2F"};
    const Settings settings(options, lookup);
    Dsn dsn;
    dsn.user = settings.own("user").value_or("");
    dsn.sslmode = settings.own("sslmode").value_or("");
    dsn.service = settings.effective("service");
    dsn.database = settings.effective("dbname");
    if (dsn.database.empty() && dsn.service.empty())
        dsn.database = dsn.user; // libpq's default
    dsn.repeated = repeated_keywords(dsn_parameters(text));
    if (const auto defect = add_servers(dsn, settings))
        return *defect;
    return dsn;
}

} // namespace sidecar
