// Ends the idle sessions of keys that are active no more: of those that the registry tells of by
// NOTIFY, and of those that it names when it is asked, every 5 seconds. Nothing rests on it but
// that connections are not kept for nobody: each call asks the registry itself.
#pragma once

#include <memory>

#include "base/log.hpp"
#include "gateway/control.hpp"
#include "gateway/registry.hpp"
#include "gateway/sessions.hpp"
#include "gateway/wire.hpp"

namespace sidecar::gateway
{

class KeyWatch
{
public:
    KeyWatch(asio::io_context &io, std::shared_ptr<const Conninfo> conninfo, Registry &registry,
             Sessions &sessions, Log &log);

    // Asks the registry, once. Throws ControlRefused, or a Problem.
    asio::awaitable<void> ask();

    // Listens no more.
    void close();

private:
    asio::awaitable<void> listen();
    asio::awaitable<void> hear();
    void take_news();

    asio::io_context &io_;
    std::shared_ptr<const Conninfo> conninfo_;
    Registry &registry_;
    Sessions &sessions_;
    Log &log_;
    std::unique_ptr<Wire> wire_; // where the registry is heard; null: it is not
    bool closed_ = false;
};

} // namespace sidecar::gateway
