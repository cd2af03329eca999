// The HTTP server: one thread, one coroutine a connection. It accepts, bounds and times
// connections; what requests mean is the business of Api, and what takes time that of
// DatabaseWorkers.
#pragma once

#include <memory>

#include "base/log.hpp"
#include "http/server_settings.hpp"
#include "platform/database_workers.hpp"
#include "rest/api.hpp"
#include "rest/metrics.hpp"

namespace sidecar
{

class HttpServer
{
public:
    // Listens. Throws a configuration Failure when it cannot.
    HttpServer(HttpServerSettings settings, Api &api, DatabaseWorkers &workers,
               DatabaseWorkers &watchers, Metrics &metrics, Log &log);
    ~HttpServer();
    HttpServer(const HttpServer &) = delete;
    HttpServer &operator=(const HttpServer &) = delete;

    // Takes no more connections, ends the idle ones; requests under way are answered.
    void drain();

    // Whether no connection is left.
    bool idle() const;

    // Reads certificate and key again and takes other token keys; throws a configuration Failure,
    // and changes nothing, when they cannot be read.
    void renew(TokenSettings tokens);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace sidecar
