// What the HTTP server is told.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "http/admin_socket.hpp"

namespace sidecar
{

struct HttpServerSettings {
    std::string listen; // "ADDRESS:PORT", "[ADDRESS]:PORT" or "unix:PATH"; empty: socket only
    AdminSocketSettings socket;
    std::string tls_certificate;
    std::string tls_key;
    std::size_t max_connections = 1000;
    Duration head_timeout = std::chrono::seconds(10);    // from a request's first byte to its head
    Duration idle_timeout = std::chrono::seconds(60);    // between requests
    Duration request_timeout = std::chrono::seconds(30); // the rest of a request; a response
};

} // namespace sidecar
