// See stream.hpp.
#include "http/stream.hpp"

#include <boost/asio/ssl.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "base/failure.hpp"
#include "base/readable.hpp"

namespace sidecar
{
namespace
{

void
acknowledge_on(int fd)
{
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on); // on a unix socket nothing
}

bool
is_gone(int fd)
{
    pollfd state{fd, POLLRDHUP, 0};
    return poll(&state, 1, 0) == 1;
}

class Plain final : public Stream
{
public:
    explicit Plain(Socket socket) : socket_(std::move(socket))
    {
    }

    asio::awaitable<void>
    open() override
    {
        co_return;
    }

    asio::awaitable<std::size_t>
    read(asio::mutable_buffer into) override
    {
        return socket_.async_read_some(into, asio::use_awaitable);
    }

    asio::awaitable<void>
    write(const std::string &text) override
    {
        co_await asio::async_write(socket_, asio::buffer(text), asio::use_awaitable);
    }

    void
    acknowledge() override
    {
        acknowledge_on(socket_.native_handle());
    }

    bool
    peer_gone() override
    {
        return is_gone(socket_.native_handle());
    }

    void
    end_sending() override
    {
        boost::system::error_code ignored;
        socket_.shutdown(Socket::shutdown_send, ignored);
    }

    void
    close() override
    {
        boost::system::error_code ignored;
        socket_.close(ignored);
    }

private:
    Socket socket_;
};

class Tls final : public Stream
{
public:
    Tls(Socket socket, TlsContext context)
        : context_(std::move(context)), stream_(std::move(socket), *context_)
    {
    }

    asio::awaitable<void>
    open() override
    {
        co_await stream_.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
    }

    asio::awaitable<std::size_t>
    read(asio::mutable_buffer into) override
    {
        return stream_.async_read_some(into, asio::use_awaitable);
    }

    asio::awaitable<void>
    write(const std::string &text) override
    {
        co_await asio::async_write(stream_, asio::buffer(text), asio::use_awaitable);
    }

    void
    acknowledge() override
    {
        acknowledge_on(stream_.next_layer().native_handle());
    }

    bool
    peer_gone() override
    {
        return is_gone(stream_.next_layer().native_handle());
    }

    // Every response says its length, so nobody takes the end of the connection for its end.
    void
    end_sending() override
    {
    }

    void
    close() override
    {
        boost::system::error_code ignored;
        stream_.next_layer().close(ignored);
    }

private:
    TlsContext context_; // outlives a reload
    asio::ssl::stream<Socket> stream_;
};

} // namespace

std::unique_ptr<Stream>
make_stream(Socket socket, const TlsContext &tls)
{
    if (tls)
        return std::make_unique<Tls>(std::move(socket), tls);
    return std::make_unique<Plain>(std::move(socket));
}

TlsContext
make_tls(const std::string &certificate, const std::string &key)
{
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(context->native_handle(), SSL_SESS_CACHE_OFF);
    boost::system::error_code error;
    const auto refuse = [&](const std::string &file) {
        return Failure(Failure::Kind::configuration,
                       "TLS file \"" + file + "\": " + error.message());
    };
    check_readable("TLS file", certificate);
    check_readable("TLS file", key);
    context->use_certificate_chain_file(certificate, error);
    if (error)
        throw refuse(certificate);
    context->use_private_key_file(key, asio::ssl::context::pem, error);
    if (error)
        throw refuse(key);
    if (SSL_CTX_check_private_key(context->native_handle()) != 1)
        throw Failure(Failure::Kind::configuration,
                      "the key \"" + key + "\" does not go with \"" + certificate + "\"");
    return context;
}

} // namespace sidecar
