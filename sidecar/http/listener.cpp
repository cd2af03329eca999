// See listener.hpp.
#include "http/listener.hpp"

#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "base/failure.hpp"
#include "base/loopback.hpp"

namespace sidecar
{

using asio::ip::tcp;
using LocalStream = asio::local::stream_protocol;

namespace
{

constexpr std::string_view unix_prefix = "unix:";

[[noreturn]] void
refuse(const std::string &listen, const std::string &why)
{
    throw Failure(Failure::Kind::configuration, "cannot listen on \"" + listen + "\": " + why);
}

// "127.0.0.1:8080" or "[::1]:8080".
tcp::endpoint
endpoint_of(const std::string &listen)
{
    const std::size_t colon = listen.rfind(':');
    std::string host = listen.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    boost::system::error_code error;
    const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
    unsigned short port = 0;
    const char *end = listen.data() + listen.size();
    const auto [rest, bad] = std::from_chars(listen.data() + colon + 1, end, port);
    if (error || colon == std::string::npos || bad != std::errc() || rest != end)
        refuse(listen, "it must be ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH");
    return {address, port};
}

// Removes a socket that nobody listens on any more.
void
remove_stale(asio::io_context &io, const std::string &path)
{
    struct stat found;
    if (lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode))
        return;
    LocalStream::socket probe(io);
    boost::system::error_code error;
    probe.connect(LocalStream::endpoint(path), error);
    if (error == asio::error::connection_refused)
        unlink(path.c_str());
}

} // namespace

Listener::Listener(asio::io_context &io, const std::string &where, bool tls, Log &log)
    : io_(io), acceptor_(tcp::acceptor(io))
{
    try {
        if (where.starts_with(unix_prefix))
            listen_local(where, log);
        else
            listen_tcp(where, tls, log);
    } catch (const boost::system::system_error &error) {
        refuse(where, error.code().message());
    }
}

Listener::Listener(asio::io_context &io, const AdminSocketSettings &settings, Log &log)
    : io_(io), acceptor_(tcp::acceptor(io)), admin_socket_(settings)
{
    const std::string where = std::string(unix_prefix) + settings.path;
    try {
        listen_local(where, log);
    } catch (const boost::system::system_error &error) {
        refuse(where, error.code().message());
    }
}

Listener::~Listener()
{
    if (!socket_path_.empty())
        unlink(socket_path_.c_str());
}

asio::awaitable<Listener::Accepted>
Listener::accept()
{
    if (auto *acceptor = std::get_if<Local::acceptor>(&acceptor_)) {
        // In a statement of its own: GCC 12 destroys twice what is awaited inside an initializer.
        Local::socket socket = co_await acceptor->async_accept(asio::use_awaitable);
        Peer peer = peer_of(socket.native_handle());
        co_return Accepted{Socket(std::move(socket)), std::move(peer)};
    }
    tcp::socket socket =
        co_await std::get<Tcp::acceptor>(acceptor_).async_accept(asio::use_awaitable);
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    Peer peer;
    peer.address = socket.remote_endpoint(ignored).address().to_string();
    peer.local = is_loopback_address(peer.address);
    co_return Accepted{Socket(std::move(socket)), std::move(peer)};
}

void
Listener::close()
{
    open_ = false;
    boost::system::error_code ignored;
    std::visit([&](auto &acceptor) { acceptor.close(ignored); }, acceptor_);
}

void
Listener::listen_local(const std::string &where, Log &log)
{
    const std::string path = where.substr(unix_prefix.size());
    remove_stale(io_, path);
    Local::acceptor acceptor(io_);
    acceptor.open();
    acceptor.bind(Local::endpoint(path));
    socket_path_ = path;
    // Nobody can connect before listen(): whoever may is decided by then.
    if (admin_socket_)
        admin_socket_->hand_over(path);
    else if (chmod(path.c_str(), 0660) != 0)
        refuse(where, std::generic_category().message(errno));
    acceptor.listen();
    acceptor_ = std::move(acceptor);
    log.info("listening", {{"address", where}});
}

// Who has connected to the unix socket.
Peer
Listener::peer_of(int socket) const
{
    Peer peer;
    peer.local = true;
    if (!admin_socket_)
        return peer;
    const PeerAccount account = account_of(socket);
    peer.refused = !admin_socket_->admits(account);
    if (!peer.refused)
        peer.account = name_of_user(account.user);
    return peer;
}

void
Listener::listen_tcp(const std::string &where, bool tls, Log &log)
{
    tcp::acceptor acceptor(io_, endpoint_of(where));
    const auto bound = acceptor.local_endpoint();
    const std::string address = bound.address().to_string();
    acceptor_ = std::move(acceptor);
    log.info("listening", {{"address", (bound.address().is_v6() ? "[" + address + "]" : address) +
                                           ":" + std::to_string(bound.port())},
                           {"tls", tls ? "yes" : "no"}});
}

} // namespace sidecar
