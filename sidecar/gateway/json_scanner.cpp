// See json_scanner.hpp.
#include "gateway/json_scanner.hpp"

namespace sidecar::gateway
{
namespace
{

bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

} // namespace

bool
JsonScanner::value()
{
    std::string open; // the brackets that wait for their end
    for (;;) {
        blanks();
        if (take('{') || take('[')) {
            const char kind = text_[at_ - 1];
            blanks();
            if (!take(kind == '{' ? '}' : ']')) {
                open += kind;
                if (kind == '{' && !name())
                    return false;
                continue;
            }
        } else if (!scalar()) {
            return false;
        }
        if (!close(open))
            return false;
        if (open.empty())
            return true;
    }
}

bool
JsonScanner::name()
{
    blanks();
    if (!string())
        return false;
    blanks();
    return take(':');
}

bool
JsonScanner::number()
{
    take('-');
    if (!take('0') && !digits())
        return false;
    if (take('.') && !digits())
        return false;
    if (take('e') || take('E')) {
        if (!take('+'))
            take('-');
        return digits();
    }
    return true;
}

bool
JsonScanner::string()
{
    if (!take('"'))
        return false;
    while (at_ < text_.size()) {
        const char c = text_[at_++];
        if (c == '"')
            return true;
        if (static_cast<unsigned char>(c) < 0x20 || (c == '\\' && !escape()))
            return false;
    }
    return false;
}

void
JsonScanner::blanks()
{
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
        at_++;
}

bool
JsonScanner::take(char c)
{
    if (at_ >= text_.size() || text_[at_] != c)
        return false;
    at_++;
    return true;
}

// Behind a value: closes what ends here, and goes over the comma where there is more.
bool
JsonScanner::close(std::string &open)
{
    while (!open.empty()) {
        blanks();
        if (take(','))
            return open.back() == '[' || name();
        if (!take(open.back() == '{' ? '}' : ']'))
            return false;
        open.pop_back();
    }
    return true;
}

bool
JsonScanner::scalar()
{
    if (at_ < text_.size() && text_[at_] == '"')
        return string();
    for (const std::string_view word : {"null", "true", "false"})
        if (text_.substr(at_, word.size()) == word) {
            at_ += word.size();
            return true;
        }
    return number();
}

bool
JsonScanner::digits()
{
    const std::size_t from = at_;
    while (at_ < text_.size() && is_digit(text_[at_]))
        at_++;
    return at_ > from;
}

bool
JsonScanner::escape()
{
    if (at_ >= text_.size())
        return false;
    const char c = text_[at_++];
    if (c != 'u')
        return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
    for (int i = 0; i < 4; i++, at_++)
        if (at_ >= text_.size() || hex_digit(text_[at_]) < 0)
            return false;
    return true;
}

int
JsonScanner::hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    c = static_cast<char>(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

} // namespace sidecar::gateway
