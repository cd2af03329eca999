// The HTTP server: one thread, one coroutine a connection. It accepts, bounds and times
// connections; what requests mean is the business of Api, and what takes time that of
// DatabaseWorkers.
#pragma once

#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "platform/database_workers.hpp"
#include "rest/api.hpp"
#include "rest/metrics.hpp"

namespace sidecar
{

struct HttpServerSettings {
    std::string listen; // "ADDRESS:PORT", "[ADDRESS]:PORT" or "unix:PATH"
    std::string tls_certificate;
    std::string tls_key;
    std::size_t max_connections = 1000;
    Duration head_timeout = std::chrono::seconds(10);    // from a request's first byte to its head
    Duration idle_timeout = std::chrono::seconds(60);    // between requests
    Duration request_timeout = std::chrono::seconds(30); // the rest of a request; a response
};

class HttpServer
{
public:
    // Listens. Throws a configuration Failure when it cannot.
    HttpServer(HttpServerSettings settings, Api &api, DatabaseWorkers &workers, Metrics &metrics,
               Log &log);
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
