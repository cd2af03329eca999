// See server.hpp.
#include "http/server.hpp"

#include <atomic>
#include <charconv>
#include <list>
#include <optional>
#include <thread>
#include <variant>

#include <sys/stat.h>
#include <unistd.h>

#include "base/failure.hpp"
#include "base/url.hpp"
#include "http/session.hpp"
#include "http/stream.hpp"

namespace sidecar
{

using asio::ip::tcp;
using Local = asio::local::stream_protocol;

namespace
{

constexpr Duration sweep_pause = std::chrono::milliseconds(100);
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
    Local::socket probe(io);
    boost::system::error_code error;
    probe.connect(Local::endpoint(path), error);
    if (error == asio::error::connection_refused)
        unlink(path.c_str());
}

} // namespace

class HttpServer::Impl
{
public:
    Impl(HttpServerSettings settings, Api &api, DatabaseWorkers &workers, Metrics &metrics,
         Log &log)
        : settings_(std::move(settings)),
          log_(log), shared_{io_, settings_, api, workers, metrics, {}, 0, false}
    {
        if (!settings_.tls_certificate.empty())
            tls_ = make_tls(settings_.tls_certificate, settings_.tls_key);
        listen();
        asio::co_spawn(*io_, accept(), asio::detached);
        asio::co_spawn(*io_, sweep(), asio::detached);
        thread_ = std::thread([io = io_] { io->run(); });
    }

    ~Impl()
    {
        io_->stop();
        thread_.join();
        sessions_.clear();
        if (!socket_path_.empty())
            unlink(socket_path_.c_str());
    }

    void
    drain()
    {
        asio::post(*io_, [this] {
            shared_.draining = true;
            acceptor_.reset();
            for (const auto &session : sessions_)
                if (session->idle())
                    session->close();
        });
    }

    void
    renew(TokenSettings tokens)
    {
        TlsContext fresh;
        if (!settings_.tls_certificate.empty())
            fresh = make_tls(settings_.tls_certificate, settings_.tls_key);
        auto keys = std::make_shared<TokenSettings>(std::move(tokens));
        asio::post(*io_, [this, fresh, keys] {
            tls_ = fresh;
            shared_.api.renew(std::move(*keys));
        });
    }

    std::atomic<std::size_t> open{0};

private:
    using Acceptor = std::variant<tcp::acceptor, Local::acceptor>;

    void
    listen()
    {
        const std::string &where = settings_.listen;
        try {
            if (where.starts_with(unix_prefix))
                listen_local(where.substr(unix_prefix.size()));
            else
                listen_tcp(endpoint_of(where));
        } catch (const boost::system::system_error &error) {
            refuse(where, error.code().message());
        }
    }

    void
    listen_local(const std::string &path)
    {
        remove_stale(*io_, path);
        acceptor_.emplace(Local::acceptor(*io_, Local::endpoint(path)));
        chmod(path.c_str(), 0660);
        socket_path_ = path;
        log_.info("listening", {{"address", settings_.listen}});
    }

    void
    listen_tcp(const tcp::endpoint &endpoint)
    {
        acceptor_.emplace(tcp::acceptor(*io_, endpoint));
        const auto bound = std::get<tcp::acceptor>(*acceptor_).local_endpoint();
        const std::string address = bound.address().to_string();
        log_.info("listening",
                  {{"address", (bound.address().is_v6() ? "[" + address + "]" : address) + ":" +
                                   std::to_string(bound.port())},
                   {"tls", settings_.tls_certificate.empty() ? "no" : "yes"}});
    }

    asio::awaitable<void>
    accept()
    {
        while (acceptor_) {
            bool failed = false;
            try {
                if (auto *acceptor = std::get_if<tcp::acceptor>(&*acceptor_))
                    take(co_await acceptor->async_accept(asio::use_awaitable));
                else
                    take(co_await std::get<Local::acceptor>(*acceptor_)
                             .async_accept(asio::use_awaitable));
            } catch (const boost::system::system_error &) {
                failed = true; // out of descriptors, or the client has gone
            }
            if (failed && acceptor_)
                co_await pause();
        }
    }

    void
    take(tcp::socket socket)
    {
        boost::system::error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        socket.set_option(asio::socket_base::keep_alive(true), ignored);
        const auto peer = socket.remote_endpoint(ignored).address();
        serve(Socket(std::move(socket)), is_loopback(peer.to_string()));
    }

    void
    take(Local::socket socket)
    {
        serve(Socket(std::move(socket)), true);
    }

    void
    serve(Socket socket, bool local)
    {
        if (sessions_.size() >= settings_.max_connections && !make_room()) {
            turn_away(socket);
            return;
        }
        auto session =
            std::make_shared<HttpSession>(shared_, make_stream(std::move(socket), tls_), local);
        const auto place = sessions_.insert(sessions_.end(), session);
        count();
        asio::co_spawn(
            *io_, [session] { return session->run(); },
            [this, place](const std::exception_ptr &) {
                sessions_.erase(place);
                count();
            });
    }

    // Ends the connection that has been idle for longest; false when none is.
    bool
    make_room()
    {
        HttpSession *oldest = nullptr;
        for (const auto &session : sessions_)
            if (session->idle() &&
                (oldest == nullptr || session->idle_since() < oldest->idle_since()))
                oldest = session.get();
        if (oldest != nullptr)
            oldest->close();
        return oldest != nullptr;
    }

    // Says 503, as far as that can be said without waiting.
    void
    turn_away(Socket &socket)
    {
        boost::system::error_code ignored;
        socket.non_blocking(true, ignored);
        if (!tls_) {
            Problem problem(503, "overloaded", "too many connections are open");
            problem.retry_after = 1;
            socket.send(asio::buffer(response_text(response_of(problem), false)), 0, ignored);
        }
        socket.close(ignored);
    }

    // Ends the connections whose time is over.
    asio::awaitable<void>
    sweep()
    {
        for (;;) {
            const TimePoint now = shared_.clock.now();
            for (const auto &session : sessions_)
                if (session->deadline() <= now)
                    session->close();
            co_await pause();
        }
    }

    asio::awaitable<void>
    pause()
    {
        asio::steady_timer timer(*io_);
        timer.expires_after(sweep_pause);
        co_await timer.async_wait(asio::use_awaitable);
    }

    void
    count()
    {
        open = sessions_.size();
        shared_.metrics.connections(sessions_.size());
    }

    std::shared_ptr<asio::io_context> io_ = std::make_shared<asio::io_context>(1);
    HttpServerSettings settings_;
    Log &log_;
    HttpSessionContext shared_;
    TlsContext tls_;
    std::optional<Acceptor> acceptor_;
    std::string socket_path_;
    std::list<std::shared_ptr<HttpSession>> sessions_;
    std::thread thread_;
};

HttpServer::HttpServer(HttpServerSettings settings, Api &api, DatabaseWorkers &workers,
                       Metrics &metrics, Log &log)
    : impl_(std::make_unique<Impl>(std::move(settings), api, workers, metrics, log))
{
}

HttpServer::~HttpServer() = default;

void
HttpServer::drain()
{
    impl_->drain();
}

bool
HttpServer::idle() const
{
    return impl_->open == 0;
}

void
HttpServer::renew(TokenSettings tokens)
{
    impl_->renew(std::move(tokens));
}

} // namespace sidecar
