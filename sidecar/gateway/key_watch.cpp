// See key_watch.hpp.
#include "gateway/key_watch.hpp"

#include <string>
#include <utility>
#include <vector>

#include "base/backoff.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr Duration first_pause = std::chrono::milliseconds(100);
constexpr Duration longest_pause = std::chrono::seconds(5);

} // namespace

KeyWatch::KeyWatch(asio::io_context &io, std::shared_ptr<const Conninfo> conninfo,
                   Registry &registry, Sessions &sessions, Log &log)
    : io_(io), conninfo_(std::move(conninfo)), registry_(registry), sessions_(sessions), log_(log)
{
    asio::co_spawn(io_, listen(), asio::detached);
}

asio::awaitable<void>
KeyWatch::ask()
{
    for (const std::string &key_id : co_await registry_.inactive(sessions_.idle_keys()))
        sessions_.close_idle_of(key_id);
}

// Keeps a connection that hears what the registry tells. What it has missed is asked for.
asio::awaitable<void>
KeyWatch::listen()
{
    Backoff backoff(first_pause, longest_pause, 1);
    const std::vector<std::string> preparation = {"LISTEN appinfra_gateway"};
    int failures = 0;
    while (!closed_) {
        try {
            wire_ = std::make_unique<Wire>(io_, co_await connect(io_, conninfo_, preparation));
            failures = 0;
            co_await hear();
        } catch (const std::exception &lost) {
            if (failures == 0 && !closed_)
                log_.info("the gateway does not hear of revoked keys", {{"error", lost.what()}});
        }
        wire_.reset();
        asio::steady_timer pause(io_);
        pause.expires_after(backoff.delay(failures++) + first_pause);
        if (!closed_)
            co_await pause.async_wait(asio::use_awaitable);
    }
}

// Takes news until the connection ends.
asio::awaitable<void>
KeyWatch::hear()
{
    while (!closed_) {
        take_news();
        co_await wire_->listen();
    }
}

void
KeyWatch::take_news()
{
    while (PGnotify *news = PQnotifies(wire_->get())) {
        sessions_.close_idle_of(news->extra);
        PQfreemem(news);
    }
}

void
KeyWatch::close()
{
    closed_ = true;
    if (wire_)
        wire_->break_off();
}

} // namespace sidecar::gateway
