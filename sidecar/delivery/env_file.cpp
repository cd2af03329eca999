// See env_file.hpp.
#include "delivery/env_file.hpp"

#include <algorithm>
#include <cctype>

#include "base/failure.hpp"

namespace sidecar
{
namespace
{

constexpr std::string_view blanks = " \t";
constexpr std::string_view certificate = "-----BEGIN CERTIFICATE-----\n";

// The variable a line assigns, or an empty text: NAME=, with "export " allowed before it.
std::string
assigned_name(std::string_view line)
{
    std::string_view name = line.substr(0, line.find('='));
    name.remove_prefix(std::min(name.find_first_not_of(blanks), name.size()));
    if (name.starts_with("export "))
        name.remove_prefix(std::min(name.find_first_not_of(blanks, 7), name.size()));
    while (!name.empty() && blanks.find(name.back()) != std::string_view::npos)
        name.remove_suffix(1);
    const bool word = std::all_of(name.begin(), name.end(),
                                  [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
    return word ? std::string(name) : std::string();
}

// Where the value that starts at text[at] ends: behind its newline, or at the end of the text.
std::size_t
end_of_value(std::string_view text, std::size_t at)
{
    char quote = '\0';
    for (; at < text.size(); at++) {
        const char c = text[at];
        if (c == '\\' && quote != '\'')
            at++; // whatever comes next stands for itself
        else if (quote != '\0' && c == quote)
            quote = '\0';
        else if (quote == '\0' && (c == '"' || c == '\''))
            quote = c;
        else if (quote == '\0' && c == '\n')
            return at + 1;
    }
    if (quote != '\0')
        throw Failure(Failure::Kind::give_up,
                      "the environment file has a quote that is never closed");
    return text.size();
}

std::string
in_quotes(std::string_view value)
{
    std::string out = "\"";
    for (const char c : value) {
        if (c == '"' || c == '\\' || c == '$' || c == '`')
            out += '\\';
        out += c;
    }
    return out + "\"";
}

} // namespace

EnvFile::EnvFile(std::string_view text)
{
    while (!text.empty()) {
        const std::size_t newline = text.find('\n');
        const std::string_view line = text.substr(0, newline);
        const std::size_t first = line.find_first_not_of(blanks);
        const bool comment =
            first != std::string_view::npos && (line[first] == '#' || line[first] == ';');
        const std::size_t equals = line.find('=');
        Piece piece;
        std::size_t end = newline == std::string_view::npos ? text.size() : newline + 1;
        if (!comment && equals != std::string_view::npos) {
            piece.name = assigned_name(line);
            end = end_of_value(text, equals + 1);
        }
        piece.raw = text.substr(0, end);
        pieces_.push_back(std::move(piece));
        text.remove_prefix(end);
    }
}

bool
EnvFile::has(std::string_view name) const
{
    return std::any_of(pieces_.begin(), pieces_.end(),
                       [&](const Piece &piece) { return piece.name == name; });
}

void
EnvFile::set(const std::string &name, const Secret &value)
{
    const std::string_view text = value.reveal();
    const bool lines = text.starts_with(certificate);
    const auto is_bad = [&](unsigned char c) {
        return std::iscntrl(c) != 0 && !(lines && c == '\n');
    };
    if (std::any_of(text.begin(), text.end(), is_bad))
        throw Failure(Failure::Kind::give_up,
                      "the value of \"" + name + "\" has control characters");
    Piece line{name + "=" + in_quotes(text) + "\n", name, true};
    const auto found = std::find_if(pieces_.begin(), pieces_.end(),
                                    [&](const Piece &piece) { return piece.name == name; });
    if (found == pieces_.end()) {
        pieces_.push_back(std::move(line));
        return;
    }
    *found = std::move(line);
    pieces_.erase(std::remove_if(found + 1, pieces_.end(),
                                 [&](const Piece &piece) { return piece.name == name; }),
                  pieces_.end());
}

void
EnvFile::unset(std::string_view name)
{
    std::erase_if(pieces_, [&](const Piece &piece) { return piece.name == name; });
}

std::string
EnvFile::certificates() const
{
    std::string all;
    for (const Piece &piece : pieces_) {
        const std::string begin = piece.name + "=\"" + std::string(certificate);
        const std::size_t end = piece.raw.rfind('"');
        // Nothing of PEM has to be escaped.
        if (!piece.name.empty() && piece.raw.starts_with(begin) && end > begin.size())
            all += piece.raw.substr(piece.name.size() + 2, end - piece.name.size() - 2);
    }
    return all;
}

Secret
EnvFile::text() const
{
    std::string text;
    for (const Piece &piece : pieces_) {
        if (!text.empty() && text.back() != '\n')
            text += '\n';
        // Up to systemd 253 a comment that ends in a backslash goes on in the next line.
        if (piece.ours && text.ends_with("\\\n"))
            text += '\n';
        text += piece.raw;
    }
    return Secret(text);
}

} // namespace sidecar
