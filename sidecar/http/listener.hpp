// What the server accepts connections on: an address, a unix socket, or the administrators' socket.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/asio.hpp"
#include "base/log.hpp"
#include "http/admin_socket.hpp"
#include "http/peer.hpp"
#include "http/stream.hpp"

namespace sidecar
{

class Listener
{
public:
    // Listens on "ADDRESS:PORT", "[ADDRESS]:PORT" or "unix:PATH"; tls is for the log alone. Throws
    // a configuration Failure when it cannot.
    Listener(asio::io_context &io, const std::string &where, bool tls, Log &log);

    // Listens on the administrators' socket. Throws a configuration Failure when it cannot.
    Listener(asio::io_context &io, const AdminSocketSettings &settings, Log &log);

    // Removes the unix socket.
    ~Listener();
    Listener(const Listener &) = delete;
    Listener &operator=(const Listener &) = delete;

    struct Accepted {
        Socket socket;
        Peer peer;
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
    Peer peer_of(int socket) const;
    void listen_tcp(const std::string &where, bool tls, Log &log);

    asio::io_context &io_;
    std::variant<Tcp::acceptor, Local::acceptor> acceptor_;
    std::optional<AdminSocket> admin_socket_;
    std::string socket_path_;
    bool open_ = true;
};

} // namespace sidecar
