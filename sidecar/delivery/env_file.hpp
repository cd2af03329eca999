// The text of an environment file as systemd's EnvironmentFile= and a POSIX shell both read it.
// Lines of others, comments and everything not understood are kept byte for byte.
// Our own lines are NAME="value" with \ before " \ $ and `: the one quoting both read alike.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"

namespace sidecar
{

class EnvFile
{
public:
    // Reads a file's text. Throws a give_up Failure when a quote in it is never closed: whatever
    // we append would be swallowed by it.
    explicit EnvFile(std::string_view text);

    bool has(std::string_view name) const;

    // Sets a variable where it stood, or at the end; of several lines for it one remains. Throws a
    // give_up Failure for a value with control characters, but for the lines of certificates.
    void set(const std::string &name, const Secret &value);

    // Removes every line of a variable.
    void unset(std::string_view name);

    // The certificates of authorities that its variables hold, in PEM, or an empty text.
    std::string certificates() const;

    // The new text of the file.
    Secret text() const;

private:
    struct Piece {
        std::string raw;  // one logical line with its newline
        std::string name; // the variable it assigns, or empty
        bool ours = false;
    };

    std::vector<Piece> pieces_;
};

} // namespace sidecar
