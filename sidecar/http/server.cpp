// See server.hpp.
#include "http/server.hpp"

#include <atomic>
#include <list>
#include <thread>
#include <utility>

#include "http/listener.hpp"
#include "http/session.hpp"
#include "http/stream.hpp"

namespace sidecar
{

namespace
{

constexpr Duration sweep_pause = std::chrono::milliseconds(100);

} // namespace

class HttpServer::Impl
{
public:
    Impl(HttpServerSettings settings, std::shared_ptr<asio::io_context> io, Door &door, Log &log)
        : io_(std::move(io)),
          settings_(std::move(settings)), shared_{settings_, door, {}, 0, false}, tls_(read_tls())
    {
        if (!settings_.listen.empty())
            listeners_.emplace_back(*io_, settings_.listen, tls_ != nullptr, log);
        if (!settings_.socket.path.empty())
            listeners_.emplace_back(*io_, settings_.socket, log);
        for (Listener &listener : listeners_)
            asio::co_spawn(*io_, accept(listener), asio::detached);
        asio::co_spawn(*io_, sweep(), asio::detached);
        thread_ = std::thread([io = io_] { io->run(); });
    }

    ~Impl()
    {
        io_->stop();
        thread_.join();
        sessions_.clear();
    }

    void
    drain()
    {
        asio::post(*io_, [this] {
            shared_.draining = true;
            shared_.door.close();
            for (Listener &listener : listeners_)
                listener.close();
            for (const auto &session : sessions_)
                if (session->idle())
                    session->close();
        });
    }

    void
    renew(std::function<void()> also)
    {
        TlsContext fresh = read_tls();
        asio::post(*io_, [this, fresh, also = std::move(also)] {
            tls_ = fresh;
            also();
        });
    }

    bool
    idle() const
    {
        return open == 0 && shared_.door.idle();
    }

    std::atomic<std::size_t> open{0};

private:
    // TLS as the files say it now; null: there is none.
    TlsContext
    read_tls() const
    {
        if (settings_.tls_certificate.empty())
            return nullptr;
        return make_tls(settings_.tls_certificate, settings_.tls_key);
    }

    asio::awaitable<void>
    accept(Listener &listener)
    {
        while (listener.is_open()) {
            bool failed = false;
            try {
                Listener::Accepted accepted = co_await listener.accept();
                serve(std::move(accepted.socket), std::move(accepted.peer));
            } catch (const std::system_error &) {
                failed = true; // out of descriptors, or the client has gone
            }
            if (failed && listener.is_open())
                co_await pause();
        }
    }

    void
    serve(Socket socket, Peer peer)
    {
        if (sessions_.size() >= settings_.max_connections && !make_room()) {
            turn_away(socket, peer);
            return;
        }
        const TlsContext &tls = peer.is_unix() ? no_tls_ : tls_;
        auto session = std::make_shared<HttpSession>(shared_, make_stream(std::move(socket), tls),
                                                     std::move(peer));
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
    turn_away(Socket &socket, const Peer &peer)
    {
        boost::system::error_code ignored;
        socket.non_blocking(true, ignored);
        if (!tls_ || peer.is_unix()) {
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
            for (const auto &session : sessions_) {
                session->look_for_client();
                if (session->deadline() <= now)
                    session->close();
            }
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
        shared_.door.connections(sessions_.size());
    }

    std::shared_ptr<asio::io_context> io_;
    HttpServerSettings settings_;
    HttpSessionContext shared_;
    TlsContext tls_;
    const TlsContext no_tls_;
    std::list<Listener> listeners_;
    std::list<std::shared_ptr<HttpSession>> sessions_;
    std::thread thread_;
};

HttpServer::HttpServer(HttpServerSettings settings, std::shared_ptr<asio::io_context> io,
                       Door &door, Log &log)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(io), door, log))
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
    return impl_->idle();
}

void
HttpServer::renew(std::function<void()> also)
{
    impl_->renew(std::move(also));
}

} // namespace sidecar
