// The options of the SQL gateway: where it is reached, and its limits.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/command_line.hpp"

namespace sidecar
{

struct GatewayOptions {
    std::string listen; // empty: there is no gateway
    std::string tls_certificate;
    std::string tls_key;
    std::string host; // of workspaces; empty: what the registry says
    bool trust_proxy = false;
    bool mcp = true;
    bool audit_sql = false;
    std::size_t statement_bytes = 0;
    std::size_t statement_parameters = 0;
    std::size_t request_bytes = 0;
    std::size_t answer_bytes = 0;
    std::size_t workspace_connections = 0;
    std::size_t connections = 0;
    Duration statement_timeout{};
    Duration idle_in_transaction{};
    double rate = 60;
    double burst = 120;
    std::string rotate_overlap; // as PostgreSQL reads an interval
    std::vector<std::string> origins;
};

// The rows of these options.
std::span<const OptionRow> gateway_rows();

// Returns the options in values; with the certificate of --listen where they name none. Throws a
// configuration Failure when they are wrong.
GatewayOptions gateway_options_of(const OptionValues &values);

// What is to be said of variables that such gateways elsewhere read and this one does not: a line
// each. Throws a configuration Failure where one asks for what must not be.
std::vector<std::string> gateway_hints();

} // namespace sidecar
