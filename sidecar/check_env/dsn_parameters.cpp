// See dsn_parameters.hpp.
#include "check_env/dsn_parameters.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace sidecar
{
namespace
{

constexpr std::string_view libpq_blanks = " \t\n\v\f\r";

std::size_t
length_of_scheme(std::string_view text)
{
    for (const std::string_view scheme : {"postgresql://", "postgres://"})
        if (text.starts_with(scheme))
            return scheme.size();
    return 0;
}

// Takes what stands before the first of the delimiters off the text.
std::string_view
take_until(std::string_view &text, std::string_view delimiters)
{
    const std::size_t end = std::min(text.find_first_of(delimiters), text.size());
    const std::string_view taken = text.substr(0, end);
    text.remove_prefix(end);
    return taken;
}

class Collector
{
public:
    // Adds a parameter, translated as libpq does for old names and for JDBC.
    void
    add(std::string keyword, std::string_view value, bool in_query = false)
    {
        const bool jdbc = in_query && keyword == "ssl" && value == "true";
        const bool old = keyword == "requiressl";
        if (old)
            value = value.starts_with('1') ? "require" : "prefer";
        if (jdbc)
            value = "require";
        parameters.push_back({jdbc || old ? "sslmode" : std::move(keyword), Secret(value)});
    }

    // Adds a part of a URI, unless it is empty.
    void
    add_encoded(const char *keyword, std::string_view value)
    {
        if (!value.empty())
            add(keyword, percent_decode(value));
    }

    std::vector<DsnParameter> parameters;
};

// user:password@, when an @ comes before the first slash.
void
take_credentials(std::string_view &rest, Collector &found)
{
    const std::size_t end = rest.find_first_of("@/");
    if (end == std::string_view::npos || rest[end] != '@')
        return;
    std::string_view credentials = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    found.add_encoded("user", take_until(credentials, ":"));
    if (!credentials.empty())
        found.add_encoded("password", credentials.substr(1));
}

// host:port,host:port: the hosts and the ports make one list each.
void
take_hosts(std::string_view &rest, Collector &found)
{
    std::string hosts, ports;
    for (;;) {
        if (rest.starts_with('[')) {
            rest.remove_prefix(1);
            hosts += take_until(rest, "]");
            rest.remove_prefix(std::min<std::size_t>(1, rest.size()));
        } else {
            hosts += take_until(rest, ":/?,");
        }
        if (rest.starts_with(':')) {
            rest.remove_prefix(1);
            ports += take_until(rest, "/?,");
        }
        if (!rest.starts_with(','))
            break;
        rest.remove_prefix(1);
        hosts += ',';
        ports += ',';
    }
    found.add_encoded("host", hosts);
    found.add_encoded("port", ports);
}

std::vector<DsnParameter>
uri_parameters(std::string_view rest)
{
    Collector found;
    take_credentials(rest, found);
    take_hosts(rest, found);
    if (rest.starts_with('/')) {
        rest.remove_prefix(1);
        found.add_encoded("dbname", take_until(rest, "?"));
    }
    while (rest.size() > 1) {
        rest.remove_prefix(1);
        std::string_view value = take_until(rest, "&");
        const std::string_view keyword = take_until(value, "=");
        value.remove_prefix(std::min<std::size_t>(1, value.size()));
        found.add(percent_decode(keyword), percent_decode(value), true);
    }
    return std::move(found.parameters);
}

void
skip_blanks(std::string_view &rest)
{
    rest.remove_prefix(std::min(rest.find_first_not_of(libpq_blanks), rest.size()));
}

// A value up to a blank or, when it begins with one, a closing quote; \ takes what follows.
std::string
take_keyword_value(std::string_view &rest)
{
    const bool quoted = rest.starts_with('\'');
    std::string value;
    std::size_t at = quoted ? 1 : 0;
    for (; at < rest.size(); at++) {
        if (quoted ? rest[at] == '\'' : libpq_blanks.find(rest[at]) != std::string_view::npos)
            break;
        if (rest[at] == '\\' && ++at == rest.size())
            break;
        value += rest[at];
    }
    rest.remove_prefix(std::min(at + 1, rest.size()));
    return value;
}

std::vector<DsnParameter>
keyword_parameters(std::string_view rest)
{
    Collector found;
    for (skip_blanks(rest); !rest.empty(); skip_blanks(rest)) {
        std::string_view keyword = take_until(rest, "=");
        rest.remove_prefix(std::min<std::size_t>(1, rest.size()));
        skip_blanks(rest);
        keyword = keyword.substr(0, keyword.find_first_of(libpq_blanks));
        found.add(std::string(keyword), take_keyword_value(rest));
    }
    return std::move(found.parameters);
}

} // namespace

bool
is_uri(std::string_view text)
{
    return length_of_scheme(text) > 0;
}

std::vector<DsnParameter>
dsn_parameters(std::string_view text)
{
    const std::size_t scheme = length_of_scheme(text);
    return scheme > 0 ? uri_parameters(text.substr(scheme)) : keyword_parameters(text);
}

std::vector<std::string>
repeated_keywords(const std::vector<DsnParameter> &parameters)
{
    std::vector<std::string> repeated;
    for (auto later = parameters.begin(); later != parameters.end(); ++later) {
        const bool differs =
            std::any_of(parameters.begin(), later, [&](const DsnParameter &earlier) {
                return earlier.keyword == later->keyword &&
                       earlier.value.reveal() != later->value.reveal();
            });
        if (differs &&
            std::find(repeated.begin(), repeated.end(), later->keyword) == repeated.end())
            repeated.push_back(later->keyword);
    }
    return repeated;
}

} // namespace sidecar
