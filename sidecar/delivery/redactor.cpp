// See redactor.hpp.
#include "delivery/redactor.hpp"

#include <algorithm>
#include <cctype>

#include "base/json.hpp"
#include "base/text.hpp"

namespace sidecar
{
namespace
{

constexpr std::size_t shortest_piece = 12; // of a password that is recognised when it is cut
constexpr std::size_t shortest_value = 8;  // of a value that is no password; PGPORT is none

std::string_view
password_of_url(std::string_view url)
{
    const std::size_t scheme = url.find("://");
    if (scheme == std::string_view::npos)
        return {};
    const std::string_view rest = url.substr(scheme + 3);
    const std::size_t at = rest.substr(0, rest.find('/')).rfind('@');
    const std::size_t colon = rest.find(':');
    if (at == std::string_view::npos || colon == std::string_view::npos || colon > at)
        return {};
    return rest.substr(colon + 1, at - colon - 1);
}

bool
names_a_secret(const std::string &name)
{
    for (const char *word : {"PASS", "SECRET", "TOKEN", "KEY"})
        if (name.find(word) != std::string::npos)
            return true;
    return false;
}

std::string
lower_percent(std::string text)
{
    for (std::size_t i = 0; i + 2 < text.size(); i++)
        if (text[i] == '%')
            for (std::size_t j = i + 1; j <= i + 2; j++)
                text[j] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[j])));
    return text;
}

// As some JSON writers do it: "/" becomes "\\/".
std::string
with_escaped_slashes(std::string text)
{
    for (std::size_t at = text.find('/'); at != std::string::npos; at = text.find('/', at + 2))
        text.insert(at, 1, '\\');
    return text;
}

void
mark(std::vector<bool> &hidden, std::string_view text, std::string_view needle)
{
    for (std::size_t at = text.find(needle); at != std::string_view::npos;
         at = text.find(needle, at + 1))
        std::fill_n(hidden.begin() + static_cast<std::ptrdiff_t>(at), needle.size(), true);
}

} // namespace

Redactor::Redactor(const Publication &publication)
{
    for (const Variable &variable : publication.set) {
        const std::string_view value = variable.value.reveal();
        if (value.size() >= shortest_value || names_a_secret(variable.name))
            add_forms(value);
        if (names_a_secret(variable.name))
            add_password(value);
        add_password(password_of_url(value));
    }
}

void
Redactor::add(std::string_view secret)
{
    add_forms(secret);
    add_password(secret);
}

void
Redactor::add_password(std::string_view password)
{
    if (password.empty())
        return;
    add_forms(password);
    add_forms(percent_decode(password));
    passwords_.emplace_back(password);
    passwords_.emplace_back(percent_decode(password));
}

void
Redactor::add_forms(std::string_view secret)
{
    const std::string encoded = percent_encode(secret);
    add_needle(std::string(secret));
    add_needle(clean_text(secret)); // the text is cleaned before it is searched
    add_needle(encoded);
    add_needle(lower_percent(encoded));
    if (const Json string = json_of(secret)) {
        const std::string escaped = json_text(string);
        add_needle(escaped.substr(1, escaped.size() - 2));
        add_needle(with_escaped_slashes(escaped.substr(1, escaped.size() - 2)));
    }
}

void
Redactor::add_needle(std::string text)
{
    const auto same = [&](const Secret &known) {
        return known.reveal() == text;
    };
    if (!text.empty() && std::none_of(needles_.begin(), needles_.end(), same))
        needles_.emplace_back(text);
}

std::string
Redactor::redact(std::string_view text, std::size_t limit) const
{
    const std::string clean = clean_text(text);
    std::vector<bool> hidden(clean.size(), false);
    for (const Secret &needle : needles_)
        mark(hidden, clean, needle.reveal());
    for (const Secret &password : passwords_)
        for (std::size_t at = 0; at + shortest_piece <= password.size(); at++)
            mark(hidden, clean, password.reveal().substr(at, shortest_piece));
    std::string out;
    for (std::size_t i = 0; i < clean.size(); i++) {
        if (!hidden[i])
            out += clean[i];
        else if (i == 0 || !hidden[i - 1])
            out += "***";
    }
    return cut_text(out, limit);
}

} // namespace sidecar
