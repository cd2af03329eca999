// One connection of a client: reads requests, one after another, and answers each. It knows until
// when it must have come further; whoever made it ends it when that time is over.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "http/peer.hpp"
#include "http/reader.hpp"
#include "http/server_settings.hpp"
#include "http/stream.hpp"
#include "platform/door.hpp"

namespace sidecar
{

// What the sessions of one server share; touched by its thread only.
struct HttpSessionContext {
    const HttpServerSettings &settings;
    Door &door;
    SystemClock clock;
    std::size_t bodies = 0; // bytes of bodies being received
    bool draining = false;
};

class HttpSession
{
public:
    HttpSession(HttpSessionContext &shared, std::unique_ptr<Stream> stream, Peer peer)
        : shared_(shared), stream_(std::move(stream)), peer_(std::move(peer))
    {
        until(shared_.settings.head_timeout);
    }

    // Serves until the connection ends.
    asio::awaitable<void> run();

    void
    close()
    {
        stream_->close();
    }
    TimePoint
    deadline() const
    {
        return deadline_;
    }
    // Looks whether the client of the request that is being answered has gone; called now and then.
    void
    look_for_client()
    {
        if (answering_ && stream_->peer_gone())
            client_gone_ = true;
    }
    // Whether it waits for a request, and since when.
    bool
    idle() const
    {
        return idle_;
    }
    TimePoint
    idle_since() const
    {
        return idle_since_;
    }

private:
    struct Exchange; // one request and what has become of it

    asio::awaitable<bool> serve_one();
    asio::awaitable<void> receive(Exchange &exchange);
    asio::awaitable<bool> receive_more(Exchange &exchange);
    void advance(Exchange &exchange);
    asio::awaitable<void> answer(Exchange &exchange);
    asio::awaitable<void> hold_back();
    asio::awaitable<void> discard();
    void count_body(Exchange &exchange, std::size_t size);
    void until(Duration limit);

    HttpSessionContext &shared_;
    std::unique_ptr<Stream> stream_;
    Peer peer_;
    bool idle_ = false;
    bool answering_ = false;
    bool client_gone_ = false; // while it was being answered
    TimePoint idle_since_{};
    TimePoint deadline_{};
    std::string unread_; // bytes beyond the request being read
    std::array<char, 4096> part_;
};

} // namespace sidecar
