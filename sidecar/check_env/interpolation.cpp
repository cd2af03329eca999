// See interpolation.hpp.
#include "check_env/interpolation.hpp"

#include <algorithm>
#include <cctype>

#include "base/failure.hpp"

namespace sidecar
{
namespace
{

constexpr int deepest = 8; // references within the default of a reference

bool
is_name_part(char c)
{
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// Returns the name that stands at a position; empty when none does.
std::string_view
name_at(std::string_view text, std::size_t at)
{
    if (at >= text.size() || std::isdigit(static_cast<unsigned char>(text[at])) != 0)
        return {};
    const auto end = std::find_if_not(text.begin() + at, text.end(), is_name_part);
    return text.substr(at, static_cast<std::size_t>(end - text.begin()) - at);
}

// Returns where the brace that opens at a position is closed.
std::size_t
closing_brace(std::string_view text, std::size_t open)
{
    int depth = 0;
    for (std::size_t at = open; at < text.size(); at++) {
        if (text.substr(at, 2) == "$$")
            at++;
        else if (at == open || text.substr(at, 2) == "${")
            depth++, at += at == open ? 0 : 1;
        else if (text[at] == '}' && --depth == 0)
            return at;
    }
    refuse("a reference ${ of a value is never closed");
}

// One value, and how deep in others' defaults it stands.
class Interpolation
{
public:
    Interpolation(const Lookup &lookup, int depth) : lookup_(lookup), depth_(depth)
    {
        if (depth > deepest)
            refuse("references of a value are nested too deep");
    }

    Interpolated
    run(std::string_view text) &&
    {
        for (std::size_t at = 0; at < text.size();) {
            if (text[at] != '$')
                result_.text += text[at++];
            else if (text.substr(at, 2) == "$$")
                result_.text += '$', at += 2;
            else if (text.substr(at, 2) == "${")
                at = add_braced(text, at + 1);
            else
                at = add_plain(text, at + 1);
        }
        return std::move(result_);
    }

private:
    // $NAME; a dollar that no name follows is refused, as compose refuses it.
    std::size_t
    add_plain(std::string_view text, std::size_t at)
    {
        const std::string_view name = name_at(text, at);
        if (name.empty())
            refuse("a $ of a value begins no reference; write $$ for a dollar");
        add_variable(lookup_(name));
        return at + name.size();
    }

    // ${NAME} and ${NAME<operator>WORD}, whose brace opens at a position.
    std::size_t
    add_braced(std::string_view text, std::size_t open)
    {
        const std::size_t close = closing_brace(text, open);
        const std::string_view name = name_at(text, open + 1);
        std::string_view rest = text.substr(open + 1, close - open - 1);
        rest.remove_prefix(name.size());
        const bool or_empty = rest.starts_with(':');
        if (or_empty)
            rest.remove_prefix(1);
        if (name.empty() || (or_empty && rest.empty()))
            refuse("a reference ${ of a value names no variable");
        std::optional<std::string> value = lookup_(name);
        const bool is_given = value.has_value() && !(or_empty && value->empty());
        if (rest.empty())
            add_variable(std::move(value));
        else
            add_operator(rest[0], rest.substr(1), is_given, std::move(value));
        return close + 1;
    }

    void
    add_operator(char kind, std::string_view word, bool is_given, std::optional<std::string> value)
    {
        if (kind == '-')
            is_given ? add_variable(std::move(value)) : add_word(word);
        else if (kind == '+' && is_given)
            add_word(word);
        else if (kind == '?')
            add_variable(is_given ? std::move(value) : std::nullopt);
        else if (kind != '+')
            refuse("a reference ${ of a value has an operator that compose does not know");
    }

    void
    add_variable(std::optional<std::string> value)
    {
        result_.is_known = result_.is_known && value.has_value();
        result_.text += value.value_or("");
    }

    void
    add_word(std::string_view word)
    {
        Interpolated inner = Interpolation(lookup_, depth_ + 1).run(word);
        result_.is_known = result_.is_known && inner.is_known;
        result_.text += inner.text;
    }

    const Lookup &lookup_;
    int depth_;
    Interpolated result_;
};

} // namespace

Interpolated
interpolate(std::string_view text, const Lookup &lookup)
{
    return Interpolation(lookup, 0).run(text);
}

} // namespace sidecar
