// One connection of a client: reads requests, one after another, and answers each. It knows until
// when it must have come further; whoever made it ends it when that time is over.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "http/reader.hpp"
#include "http/server_settings.hpp"
#include "http/stream.hpp"
#include "platform/database_workers.hpp"
#include "rest/api.hpp"

namespace sidecar
{

// What the sessions of one server share; touched by its thread only.
struct HttpSessionContext {
    // The database's threads may hand in a response after the server has gone.
    std::shared_ptr<asio::io_context> io;
    const HttpServerSettings &settings;
    Api &api;
    DatabaseWorkers &workers;
    DatabaseWorkers &watchers; // read what is told to everyone
    Metrics &metrics;
    SystemClock clock;
    std::size_t bodies = 0; // bytes of bodies being received
    bool draining = false;
};

class HttpSession
{
public:
    HttpSession(HttpSessionContext &shared, std::unique_ptr<Stream> stream, bool local,
                std::string address)
        : shared_(shared), stream_(std::move(stream)), local_(local), address_(std::move(address))
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
    asio::awaitable<Response> run_task(Task task);
    asio::awaitable<Response> take_look(Look look);
    asio::awaitable<std::optional<Response>> wait_for(DatabaseWorkers &workers, Task task,
                                                      Duration limit);
    asio::awaitable<void> discard();
    void count_body(Exchange &exchange, std::size_t size);
    void until(Duration limit);

    HttpSessionContext &shared_;
    std::unique_ptr<Stream> stream_;
    bool local_;
    std::string address_; // of the peer
    bool idle_ = false;
    TimePoint idle_since_{};
    TimePoint deadline_{};
    std::string unread_; // bytes beyond the request being read
    std::array<char, 4096> part_;
};

} // namespace sidecar
