// A connection of a client, in clear or in TLS, over TCP or a unix socket.
#pragma once

#include <memory>
#include <string>

#include "base/asio.hpp"

namespace boost::asio::ssl
{
class context; // its header is for stream.cpp alone
}

namespace sidecar
{

using Socket = asio::generic::stream_protocol::socket;
using TlsContext = std::shared_ptr<asio::ssl::context>;

class Stream
{
public:
    virtual ~Stream() = default;

    // Makes it ready: the TLS handshake. This and the next two throw a system_error.
    virtual asio::awaitable<void> open() = 0;
    virtual asio::awaitable<std::size_t> read(asio::mutable_buffer into) = 0;
    virtual asio::awaitable<void> write(const std::string &text) = 0;

    // Acknowledges at once what has come: a client that sends head and body apart may wait for that
    // before it sends the body (Nagle), and by itself the kernel takes 40 ms.
    virtual void acknowledge() = 0;

    // Says that nothing more will be sent.
    virtual void end_sending() = 0;

    // Whether the other end has closed the connection, or its sending half.
    virtual bool peer_gone() = 0;

    // Ends what is under way.
    virtual void close() = 0;
};

std::unique_ptr<Stream> make_stream(Socket socket, const TlsContext &tls);

// The server's side of TLS, 1.2 at least, with the certificate chain and the key in these files.
// Throws a configuration Failure that names the file.
TlsContext make_tls(const std::string &certificate, const std::string &key);

} // namespace sidecar
