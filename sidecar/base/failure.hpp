// The sidecar's one exception type. Its kind is what a caller acts on, its text is fit for a log:
// whoever throws one has made sure that no secret is in it.
#pragma once

#include <stdexcept>
#include <string>

namespace sidecar
{

class Failure : public std::runtime_error
{
public:
    enum class Kind {
        retry,         // the same may work later
        give_up,       // the same will never work
        configuration, // a person must change something
    };

    Failure(Kind kind, const std::string &text) : std::runtime_error(text), kind_(kind)
    {
    }

    Kind
    kind() const noexcept
    {
        return kind_;
    }

private:
    Kind kind_;
};

} // namespace sidecar
