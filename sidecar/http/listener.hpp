// What the server accepts connections on: an address, or a unix socket.
#pragma once

#include <string>
#include <variant>

#include "base/asio.hpp"
#include "base/log.hpp"
#include "http/stream.hpp"

namespace sidecar
{

class Listener
{
public:
    // Listens on "ADDRESS:PORT", "[ADDRESS]:PORT" or "unix:PATH"; tls is for the log alone. Throws
    // a configuration Failure when it cannot.
    Listener(asio::io_context &io, const std::string &where, bool tls, Log &log);

    // Removes the unix socket.
    ~Listener();
    Listener(const Listener &) = delete;
    Listener &operator=(const Listener &) = delete;

    // A connection, and whether its other end is on this machine.
    struct Accepted {
        Socket socket;
        bool local;
        std::string address; // of the peer; empty: the unix socket
    };

    // The next connection. Throws a system_error.
    asio::awaitable<Accepted> accept();

    bool
    is_open() const
    {
        return open_;
    }

    // Accepts no more.
    void close();

private:
    using Tcp = asio::ip::tcp;
    using Local = asio::local::stream_protocol;

    void listen_local(const std::string &where, Log &log);
    void listen_tcp(const std::string &where, bool tls, Log &log);

    asio::io_context &io_;
    std::variant<Tcp::acceptor, Local::acceptor> acceptor_;
    std::string socket_path_;
    bool open_ = true;
};

} // namespace sidecar
