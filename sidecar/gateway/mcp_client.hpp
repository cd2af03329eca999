// `appinfrad gateway-mcp`: a client of a gateway's /v1/mcp that an agent starts. It passes on
// messages, a line each: what comes on standard input goes to the gateway, what that answers to
// standard output. The key goes into a header, and nowhere else.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/secret.hpp"

namespace sidecar::gateway
{

struct McpClientSettings {
    std::string url; // of the gateway
    Secret key;
    std::string ca_file; // empty: the system's authorities
    Duration connect_timeout = std::chrono::seconds(10);
    Duration call_timeout = std::chrono::minutes(2);
};

// Passes messages on until input ends or nobody reads output. Throws a Failure when it cannot
// begin.
void pass_messages(const McpClientSettings &settings, int input, int output);

} // namespace sidecar::gateway
