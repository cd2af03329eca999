// The sidecar's one exception type. Its kind is what a caller acts on, its text is fit for a log:
// whoever throws one has made sure that no secret is in it.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace sidecar
{

// What PostgreSQL said when it refused a statement, field by field, cleaned. All of it is empty
// when the failure did not come from a server.
struct ServerError {
    std::string sqlstate;
    std::string message;
    std::string detail;
    std::string hint;
    std::string constraint; // what was violated, by name
};

class Failure : public std::runtime_error
{
public:
    enum class Kind {
        retry,         // the same may work later
        give_up,       // the same will never work
        configuration, // a person must change something
    };

    Failure(Kind kind, const std::string &text, ServerError server = {})
        : std::runtime_error(text), kind_(kind), server_(std::move(server))
    {
    }

    Kind
    kind() const noexcept
    {
        return kind_;
    }

    const ServerError &
    server() const noexcept
    {
        return server_;
    }

    // The SQLSTATE; empty when no server gave one.
    const std::string &
    sqlstate() const noexcept
    {
        return server_.sqlstate;
    }

private:
    Kind kind_;
    ServerError server_;
};

// Refuses what a person must change: an option, a variable, a file.
[[noreturn]] inline void
refuse(const std::string &why)
{
    throw Failure(Failure::Kind::configuration, why);
}

} // namespace sidecar
