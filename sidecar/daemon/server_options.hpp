// The options of the servers: where the REST API and MCP are reached, and who is let in.
#pragma once

#include <span>
#include <string>

#include "base/clock.hpp"
#include "base/command_line.hpp"
#include "http/server_settings.hpp"
#include "rest/allowed_names.hpp"
#include "rest/guests.hpp"
#include "rest/jwt.hpp"

namespace sidecar
{

struct ServerOptions {
    std::string listen; // empty: nothing listens
    AdminSocketSettings socket;
    std::string tls_certificate;
    std::string tls_key;
    TokenSettings tokens;
    bool trust_loopback = false;
    AllowedNames names;
    bool open_apps = false; // an app is the first one's who asks for it
    std::string user;       // of MCP over standard input and output
    Guests guests;
    double rate = 60;
    bool tenant_metrics = false; // what each tenant uses
    std::size_t connections = 1000;
    std::size_t database_connections = 4;
    Duration head_timeout{};
    Duration idle_timeout{};
    Duration request_timeout{};
    Duration publish_wait{};

    // Whether anybody reaches REST and MCP.
    bool
    answers() const
    {
        return !listen.empty() || !socket.path.empty();
    }
};

// The rows of these options.
std::span<const OptionRow> server_rows();

// Returns the options in values. Throws a configuration Failure when they are wrong.
ServerOptions server_options_of(const OptionValues &values);

// What a server of these options is told that is reached there, with that certificate.
HttpServerSettings http_server_settings(const ServerOptions &options, const std::string &listen,
                                        const std::string &certificate, const std::string &key);

} // namespace sidecar
