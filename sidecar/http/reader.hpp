// Reads HTTP/1.1 requests out of a stream of bytes, one after another, within limits; what could be
// understood in two ways by two parties is refused (request smuggling). It knows no sockets.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "platform/message.hpp"

namespace sidecar
{

inline constexpr std::size_t max_header = 16 * 1024;
inline constexpr std::size_t max_body = 1024 * 1024;

class HttpReader
{
public:
    enum class State { head, body, done };

    HttpReader();
    ~HttpReader();
    HttpReader(HttpReader &&) noexcept;
    HttpReader &operator=(HttpReader &&) noexcept;

    // Reads on; returns how much was used, the rest has to be given again with more behind it.
    // Stops after the head and after the body. Throws a Problem, after which the connection is of
    // no use.
    std::size_t feed(std::string_view bytes);

    State state() const;

    // The request: its head when the state is body or done, its body when it is done.
    Request &request();

    // Whether the client waits to be told to go on before it sends the body.
    bool expects_continue() const;

    // How much of the body has come.
    std::size_t body_size() const;

private:
    struct Parser;
    void check_lines(std::string_view lines);
    void take_head();

    std::unique_ptr<Parser> parser_;
};

// A response as it is sent.
std::string response_text(const Response &response, bool keep_alive);

} // namespace sidecar
