// The HTTP server: one thread, one coroutine a connection. It accepts, bounds and times
// connections; what requests mean is the business of the door behind it.
#pragma once

#include <functional>
#include <memory>

#include "base/log.hpp"
#include "http/server_settings.hpp"
#include "platform/door.hpp"

namespace sidecar
{

class HttpServer
{
public:
    // Listens, and runs the loop, which the door may use, in a thread. Throws a configuration
    // Failure when it cannot.
    HttpServer(HttpServerSettings settings, std::shared_ptr<asio::io_context> io, Door &door,
               Log &log);

    // Ends the connections and what the door has under way.
    ~HttpServer();
    HttpServer(const HttpServer &) = delete;
    HttpServer &operator=(const HttpServer &) = delete;

    // Takes no more connections, ends the idle ones, lets the door begin nothing new; requests
    // under way are answered.
    void drain();

    // Whether no connection is left, and the door has nothing under way.
    bool idle() const;

    // Reads certificate and key again, and runs also in the loop's thread; throws a configuration
    // Failure, and changes nothing, when they cannot be read.
    void renew(std::function<void()> also);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace sidecar
