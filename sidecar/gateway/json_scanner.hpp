// Goes over the tokens of a JSON text (RFC 8259) without making anything of them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sidecar::gateway
{

// Each function returns whether its token stood there, and has gone over it then.
class JsonScanner
{
public:
    explicit JsonScanner(std::string_view text) : text_(text)
    {
    }

    // A value with everything in it; without recursion, so that no depth exhausts the stack.
    bool value();

    // A member's name and the colon behind it.
    bool name();

    bool number();
    bool string();
    bool take(char c);

    void blanks();

    std::size_t
    at() const
    {
        return at_;
    }
    bool
    at_end() const
    {
        return at_ == text_.size();
    }

    // What a hexadecimal digit is worth; -1 when it is none.
    static int hex_digit(char c);

private:
    bool close(std::string &open);
    bool scalar();
    bool digits();
    bool escape();

    std::string_view text_;
    std::size_t at_ = 0;
};

} // namespace sidecar::gateway
