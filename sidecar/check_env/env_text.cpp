// See env_text.hpp.
#include "check_env/env_text.hpp"

#include <algorithm>
#include <cctype>
#include <string>

#include "base/failure.hpp"

namespace sidecar
{
namespace
{

constexpr std::string_view newlines = "\n\r"; // each of them ends a line
constexpr std::string_view blanks = " \t\n\r";

bool
is_one_of(std::string_view set, char c)
{
    return set.find(c) != std::string_view::npos;
}

// A position in the text, and what stands there.
class Reader
{
public:
    explicit Reader(std::string_view text) : text_(text)
    {
    }

    // Reads the next assignment; false at the end of the text.
    bool
    next(std::string &name, std::string &value)
    {
        for (skip(blanks); !at_end(); skip(blanks)) {
            if (is_one_of("#;", text_[at_])) {
                skip_line();
                continue;
            }
            name = take_name();
            if (at_end() || text_[at_] != '=')
                continue;
            at_++;
            value = take_value();
            return true;
        }
        return false;
    }

private:
    bool
    at_end() const
    {
        return at_ >= text_.size();
    }

    void
    skip(std::string_view set)
    {
        at_ = std::min(text_.find_first_not_of(set, at_), text_.size());
    }

    void
    skip_line()
    {
        at_ = std::min(text_.find_first_of(newlines, at_), text_.size());
    }

    // What stands before the next = of this line, without blanks around it and without "export". An
    // = in the first place is part of the name, so that no quote after it opens.
    std::string
    take_name()
    {
        const std::size_t end = std::min(text_.find_first_of("=\n\r", at_ + 1), text_.size());
        std::string_view name = text_.substr(at_, end - at_);
        at_ = end;
        if (name.starts_with("export ") || name.starts_with("export\t"))
            name.remove_prefix(std::min(name.find_first_not_of(blanks, 7), name.size()));
        return std::string(name.substr(0, name.find_last_not_of(blanks) + 1));
    }

    // Quoted parts, one after another, then whatever follows them unquoted.
    std::string
    take_value()
    {
        std::string value;
        while (!at_end() && !is_one_of(newlines, text_[at_])) {
            const char c = text_[at_];
            if (c == '\'')
                take_single_quoted(value);
            else if (c == '"')
                take_double_quoted(value);
            else if (is_one_of(blanks, c))
                at_++;
            else
                take_unquoted(value);
        }
        return value;
    }

    // To the end of the line: \ takes the next character as it is and joins lines, quotes mean
    // nothing, blanks at the end are dropped.
    void
    take_unquoted(std::string &value)
    {
        std::size_t keep = value.size();
        while (!at_end() && !is_one_of(newlines, text_[at_])) {
            const char c = text_[at_++];
            if (c == '\\') {
                if (!at_end() && !is_one_of(newlines, text_[at_]))
                    value += text_[at_];
                at_++;
                keep = value.size();
                continue;
            }
            value += c;
            if (!is_one_of(blanks, c))
                keep = value.size();
        }
        value.resize(keep);
    }

    void
    take_single_quoted(std::string &value)
    {
        const std::size_t end = text_.find('\'', at_ + 1);
        if (end == std::string_view::npos)
            refuse_open_quote(at_);
        value += text_.substr(at_ + 1, end - at_ - 1);
        at_ = end + 1;
    }

    // \ before " \ ` $ takes them as they are, before a newline joins lines, else stays.
    void
    take_double_quoted(std::string &value)
    {
        const std::size_t open = at_++;
        for (; !at_end() && text_[at_] != '"'; at_++) {
            if (text_[at_] != '\\' || at_ + 1 >= text_.size()) {
                value += text_[at_];
                continue;
            }
            const char c = text_[++at_];
            if (!is_one_of("\"\\`$\n", c))
                value += '\\';
            if (c != '\n')
                value += c;
        }
        if (at_end())
            refuse_open_quote(open);
        at_++;
    }

    [[noreturn]] void
    refuse_open_quote(std::size_t at) const
    {
        const auto line = 1 + std::count(text_.begin(), text_.begin() + at, '\n');
        throw Failure(Failure::Kind::configuration,
                      "the quote in line " + std::to_string(line) + " is never closed");
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

} // namespace

std::vector<Variable>
read_env_text(std::string_view text)
{
    if (text.find('\0') != std::string_view::npos)
        throw Failure(Failure::Kind::configuration, "it has a NUL and is no text");
    std::vector<Variable> variables;
    Reader reader(text);
    std::string name, value;
    while (reader.next(name, value))
        if (is_env_name(name))
            variables.push_back({name, Secret(value)});
    return variables;
}

bool
is_env_name(std::string_view text)
{
    for (const unsigned char c : text)
        if (std::isalnum(c) == 0 && c != '_')
            return false;
    return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) == 0;
}

} // namespace sidecar
